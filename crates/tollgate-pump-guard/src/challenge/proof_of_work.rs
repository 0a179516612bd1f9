use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::solve::is_solved;
use super::text::{self, DIFFICULTY};
use super::used::{self, Used};
use super::{Binding, Challenge, ChallengeConfigError, ChallengeVerifier, Rejected, Step, tell};

const KIND: &str = "proof_of_work";

/// What the MAC is for, lest the secret has other uses.
const CONTEXT: &[u8] = b"tollgate proof of work\0";

/// A challenge that a browser solves by hashing: no third party, nothing for a person to do.
///
/// A challenge is `v1.<expiry>.<difficulty>.<nonce>.<mac>`: whole seconds since the Unix epoch, bits, 128 random bits, and
/// the HMAC-SHA-256 (RFC 2104) under a secret of all before it, of the number and of the client. Nothing is remembered of
/// it. A solution is `<challenge>:<counter>`, the counter in decimal, whose SHA-256 begins with as many zero bits as the
/// difficulty says (as in Hashcash). It is remembered until the challenge runs out.
pub struct ProofOfWork {
    /// With the secret as its key.
    mac: Hmac<Sha256>,
    difficulty: u8,
    lifetime: Duration,
    used: Used,
}

impl ProofOfWork {
    /// One with a secret of its own, drawn now: for a single process. A difficulty of 14 bits, 120 s to solve it, and a
    /// memory of 65,536 solutions (3.5 MiB).
    ///
    /// # Errors
    ///
    /// The system gives no randomness.
    pub fn new() -> Result<Self, ChallengeConfigError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)
            .map_err(|_| ChallengeConfigError::new("secret", "", "the system gives no randomness for one"))?;
        Self::with_secret(&secret)
    }

    /// The same with a secret that outlives the process, or that several share.
    ///
    /// # Errors
    ///
    /// It has fewer than 32 bytes.
    pub fn with_secret(secret: &[u8]) -> Result<Self, ChallengeConfigError> {
        let error = || ChallengeConfigError::new("secret", "", "it needs 32 bytes or more, drawn at random");
        if secret.len() < 32 {
            return Err(error());
        }
        let mac = Hmac::new_from_slice(secret).map_err(|_| error())?.chain_update(CONTEXT);
        Ok(Self { mac, difficulty: 14, lifetime: Duration::from_secs(120), used: Used::new(used::CAPACITY)? })
    }

    /// How many zero bits a solution needs: 8 to 26. Each doubles the work; 14 are 16,384 hashes on average.
    ///
    /// # Errors
    ///
    /// A number outside that range.
    pub fn with_difficulty(mut self, bits: u8) -> Result<Self, ChallengeConfigError> {
        if !DIFFICULTY.contains(&bits) {
            return Err(ChallengeConfigError::new("difficulty", bits, "not within 8 to 26 bits"));
        }
        self.difficulty = bits;
        Ok(self)
    }

    /// How long a challenge can be solved: 10 s to an hour. It runs out at a whole second, up to a second later.
    ///
    /// # Errors
    ///
    /// A time outside that range.
    pub fn with_lifetime(mut self, lifetime: Duration) -> Result<Self, ChallengeConfigError> {
        if !(Duration::from_secs(10)..=Duration::from_secs(3600)).contains(&lifetime) {
            let value = format_args!("{lifetime:?}");
            return Err(ChallengeConfigError::new("lifetime", value, "not within 10 s to an hour"));
        }
        self.lifetime = lifetime;
        Ok(self)
    }

    /// How many solutions are remembered: 1 to 4,194,304, at 54 bytes each or somewhat more. When so many are in use,
    /// others are rejected ([`Rejected::MemoryFull`]). Those remembered until now are forgotten.
    ///
    /// # Errors
    ///
    /// A number outside that range.
    pub fn with_memory(mut self, solutions: usize) -> Result<Self, ChallengeConfigError> {
        self.used = Used::new(solutions)?;
        Ok(self)
    }

    /// The text of a challenge with this nonce.
    fn text(&self, nonce: [u8; 16], expires_at: Duration, binding: &Binding) -> String {
        let nonce = URL_SAFE_NO_PAD.encode(nonce);
        let claims = format!("v1.{}.{}.{nonce}", expires_at.as_secs(), self.difficulty);
        let mac = URL_SAFE_NO_PAD.encode(self.mac(&claims, binding));
        format!("{claims}.{mac}")
    }

    fn mac(&self, claims: &str, binding: &Binding) -> [u8; 32] {
        self.mac.clone().chain_update(binding.to_bytes()).chain_update(claims).finalize().into_bytes().into()
    }

    fn judge(&self, solution: &str, binding: &Binding, now: Duration) -> Result<(), Rejected> {
        let (challenge, counter) = text::parse_solution(solution)?;
        if challenge.expires_at <= now {
            return Err(Rejected::Expired);
        }
        let mac = self.mac(challenge.claims, binding);
        let is_issued = URL_SAFE_NO_PAD.encode(mac).as_bytes().ct_eq(challenge.mac.as_bytes());
        if !bool::from(is_issued) {
            return Err(Rejected::NotIssued);
        }
        if !is_solved(&challenge, counter) {
            return Err(Rejected::Unsolved);
        }
        // As good as the nonce: it has been issued, and no two have the same.
        let [a, b, c, d, e, f, g, h, ..] = mac;
        self.used.spend(u64::from_be_bytes([a, b, c, d, e, f, g, h]), challenge.expires_at, now)
    }
}

impl ChallengeVerifier for ProofOfWork {
    fn issue(&self, binding: &Binding, now: Duration) -> Option<Challenge> {
        let mut nonce = [0; 16];
        let is_drawn = getrandom::fill(&mut nonce).is_ok();
        tell::issued(KIND, is_drawn);
        if !is_drawn {
            return None;
        }
        let end = now.saturating_add(self.lifetime);
        let expires_at = Duration::from_secs(end.as_secs().saturating_add((end.subsec_nanos() > 0).into()));
        let text = self.text(nonce, expires_at, binding);
        let (difficulty, expires_in) = (self.difficulty, self.lifetime.as_secs());
        let object = format!(
            r#"{{"kind":"{KIND}","challenge":"{text}","difficulty":{difficulty},"expires_in":{expires_in}}}"#
        );
        Some(Challenge::new(KIND, object, Some(expires_at)))
    }

    fn verify(&self, solution: &str, binding: &Binding, now: Duration) -> Step<Result<(), Rejected>> {
        Step::Now(tell::judged(KIND, self.judge(solution, binding, now)))
    }
}

/// Without the secret.
impl fmt::Debug for ProofOfWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofOfWork")
            .field("difficulty", &self.difficulty)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
