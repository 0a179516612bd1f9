use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;
use tollgate_rate_limit::store::{Count, Grouping};
use tollgate_rate_limit::{Key, Limit};

/// How many bytes of a hash stand for a group or a key: nobody finds two that share 96 bits.
const BYTES: usize = 12;

/// The names of counts on the server: `tollgate1:{group}limit:level:key`, both as keyed hashes. The number is the
/// schema's version; what is in braces decides in a Cluster where a key lives.
pub(crate) struct Names {
    hasher: Hmac<Sha256>,
    limits: Box<[String]>,
    grouping: Grouping,
}

impl Names {
    pub(crate) fn new(secret: &[u8], limits: &[Limit]) -> Self {
        let mut key = [0; 64];
        key[..32].copy_from_slice(&Sha256::digest(secret));
        Self {
            hasher: Hmac::new(&key.into()),
            limits: limits.iter().map(|limit| limit.name().to_owned()).collect(),
            grouping: Grouping::of(limits),
        }
    }

    pub(crate) fn group(&self, count: &Count) -> Key {
        self.grouping.group(count)
    }

    /// Of several counts, hashing each group once.
    pub(crate) fn of<'a>(&self, counts: impl Iterator<Item = &'a Count>) -> SmallVec<[String; 6]> {
        let mut last = None;
        let names = counts.map(|count| {
            let group = self.group(count);
            let hashes = match last {
                Some((known, hashes)) if known == group => hashes,
                _ => self.hash(group),
            };
            last = Some((group, hashes));
            self.name(count, group, hashes)
        });
        names.collect()
    }

    fn name(&self, count: &Count, group: Key, [of_group, of_itself]: [[u8; BYTES]; 2]) -> String {
        let of_key = if count.key() == group { of_itself } else { self.hash(count.key())[1] };
        let limit = self.limits.get(count.limit()).map_or("", String::as_str);
        let mut name = String::with_capacity(48 + limit.len());
        name.push_str("tollgate1:{");
        URL_SAFE_NO_PAD.encode_string(of_group, &mut name);
        name.push('}');
        name.push_str(limit);
        name.push(':');
        name.push(char::from_digit(u32::try_from(count.level()).unwrap_or(0), 36).unwrap_or('0'));
        name.push(':');
        URL_SAFE_NO_PAD.encode_string(of_key, &mut name);
        name
    }

    /// A key's names as a group and by itself: of one hash, and unlike each other.
    fn hash(&self, key: Key) -> [[u8; BYTES]; 2] {
        let mut hasher = self.hasher.clone();
        hasher.update(&key.bits().to_be_bytes());
        let hash = hasher.finalize().into_bytes();
        let mut halves = [[0; BYTES]; 2];
        for (half, bytes) in halves.iter_mut().zip(hash.chunks_exact(BYTES)) {
            half.copy_from_slice(bytes);
        }
        halves
    }
}
