//! Who may use the gateway's own API key.

use std::fmt;

use http::header::{AUTHORIZATION, HOST, ORIGIN, REFERER};
use http::{HeaderMap, HeaderValue, Request};
use subtle::ConstantTimeEq;
use tollgate::core::{Refusal, RefusalKind};
use tollgate::pump_guard::Secret;

use crate::config::{Config, Problems};
use crate::upstream::is_this_host;

/// What the environment holds for the gateway. Prints nothing of it.
#[derive(Clone, Default)]
pub struct Secrets {
    /// `Authorization` for 8x8, in place of the caller's.
    api_key: Option<HeaderValue>,
    /// `Authorization` that callers must send.
    caller: Option<HeaderValue>,
    /// `Authorization` that 8x8's receipts come with, whole.
    pub(crate) webhook: Option<HeaderValue>,
    /// Of the user that `state.redis` names.
    pub(crate) redis_password: Option<String>,
    /// The key of the hashes on a server that other gateways ask too.
    pub(crate) shared: Vec<u8>,
}

/// The least of a key that nobody guesses, in bytes.
const LEAST_KEY: usize = 16;

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("api_key", &self.api_key.is_some())
            .field("caller", &self.caller.is_some())
            .field("webhook", &self.webhook.is_some())
            .field("redis_password", &self.redis_password.is_some())
            .field("shared", &!self.shared.is_empty())
            .finish()
    }
}

impl Secrets {
    /// What the guard hashes under, where several gateways share its memory.
    #[must_use]
    pub fn guard(&self) -> Option<Secret> {
        (!self.shared.is_empty()).then(|| Secret::derived(&self.shared))
    }

    /// Looks up the variables that the configuration names.
    ///
    /// # Errors
    ///
    /// A variable that is named and is not there, is empty, can be no header, or is too short for a key.
    pub fn of(config: &Config, env: impl Fn(&str) -> Option<String>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let env = |name: &str| env(name).map(|value| value.trim().to_owned());
        let mut secret = |field: &str, name: &str, scheme: &str| {
            if name.is_empty() {
                return None;
            }
            let value = env(name).filter(|value| !value.is_empty());
            let header = value.and_then(|value| HeaderValue::try_from(format!("{scheme}{value}")).ok());
            match header {
                Some(mut header) => {
                    header.set_sensitive(true);
                    Some(header)
                }
                None => {
                    problems.add(
                        field,
                        format!("the environment variable {name:?} is missing, empty or no header"),
                    );
                    None
                }
            }
        };
        let api_key = secret("upstream.api_key_env", &config.upstream.api_key_env, "Bearer ");
        let caller = secret("listen.caller_token_env", &config.listen.caller_token_env, "Bearer ");
        let webhook = secret("listen.webhook_secret_env", &config.listen.webhook_secret_env, "");
        let redis_password = match config.state.password_env.as_str() {
            "" => None,
            name => {
                let password = env(name).filter(|password| !password.is_empty());
                if password.is_none() {
                    problems.add(
                        "state.password_env",
                        format!("the environment variable {name:?} is missing or empty"),
                    );
                }
                password
            }
        };
        let shared = match config.state.secret_env.as_str() {
            "" => Vec::new(),
            name => env(name).unwrap_or_default().into_bytes(),
        };
        if !config.state.secret_env.is_empty() && shared.len() < LEAST_KEY {
            problems.add(
                "state.secret_env",
                format!(
                    "the environment variable {:?} is missing or shorter than {LEAST_KEY} bytes: give all gateways the \
                     same 32 random bytes or so, as hexadecimal or Base64",
                    config.state.secret_env
                ),
            );
        }
        if problems.0.is_empty() {
            Ok(Self { api_key, caller, webhook, redis_password, shared })
        } else {
            Err(problems)
        }
    }

    /// Whether the caller may send.
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let refuse = |detail: &'static str| Err(Refusal::new(RefusalKind::Unauthorized, detail));
        match (&self.caller, &self.api_key) {
            (Some(token), _) => {
                let mut given = request.headers().get_all(AUTHORIZATION).iter();
                let given = given.next().filter(|_| given.next().is_none());
                if given.is_some_and(|given| given.as_bytes().ct_eq(token.as_bytes()).into()) {
                    return Ok(());
                }
                refuse("send the gateway's caller token as `Authorization: Bearer …`")
            }
            // Without a token the key is only used on loopback; a web page that rebinds its own name to 127.0.0.1
            // gets there too, but shows that name.
            (None, Some(_)) if !names_this_host(request) => refuse(
                "the gateway sends with a key of its own: call it as 127.0.0.1 or localhost, not by another name",
            ),
            (None, Some(_)) if is_from_a_page(request.headers()) => refuse(
                "the gateway sends with a key of its own: a web page may not call it without a caller token",
            ),
            _ => Ok(()),
        }
    }

    /// `Authorization` for what the gateway asks 8x8 by itself.
    pub(crate) fn api_key(&self) -> Option<&HeaderValue> {
        self.api_key.as_ref()
    }

    /// Sets what 8x8 is shown.
    pub(crate) fn show(&self, headers: &mut HeaderMap) {
        if let Some(key) = &self.api_key {
            headers.insert(AUTHORIZATION, key.clone());
        }
    }
}

/// Whether a browser sends it for a page, which may be anybody's.
fn is_from_a_page(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN)
        || headers.contains_key(REFERER)
        || headers.get("sec-fetch-site").is_some_and(|site| site.as_bytes() != b"none")
}

fn names_this_host<B>(request: &Request<B>) -> bool {
    let authority = match request.uri().authority() {
        Some(authority) => Some(authority.clone()),
        None => request.headers().get(HOST).and_then(|host| host.as_bytes().try_into().ok()),
    };
    authority.is_some_and(|authority: http::uri::Authority| is_this_host(authority.host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(text: &str) -> Secrets {
        let config = Config::parse(text).unwrap();
        Secrets::of(&config, |name| Some(format!("secret-of-{name}"))).unwrap()
    }

    fn admitted(secrets: &Secrets, headers: &[(&str, &str)]) -> bool {
        let request =
            headers.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
        secrets.admit(&request.body(()).unwrap()).is_ok()
    }

    #[test]
    fn a_caller_token_must_be_sent_exactly() {
        let secrets = secrets("[listen]\ncaller_token_env = \"T\"\n[upstream]\napi_key_env = \"K\"\n");
        assert!(admitted(&secrets, &[("authorization", "Bearer secret-of-T")]));
        for headers in [
            &[][..],
            &[("authorization", "Bearer secret-of-")],
            &[("authorization", "secret-of-T")],
            &[("authorization", "Bearer secret-of-K")],
            &[("authorization", "Bearer secret-of-T"), ("authorization", "Bearer secret-of-T")],
        ] {
            assert!(!admitted(&secrets, headers), "{headers:?}");
        }
    }

    #[test]
    fn a_key_without_a_token_is_for_callers_of_this_host_by_its_own_name() {
        let secrets = secrets("[upstream]\napi_key_env = \"K\"\n");
        for host in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"] {
            assert!(admitted(&secrets, &[("host", host)]), "{host}");
        }
        for host in ["evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example"] {
            assert!(!admitted(&secrets, &[("host", host)]), "{host}");
        }
        assert!(!admitted(&secrets, &[]));
        for (name, value) in
            [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("referer", "x")]
        {
            assert!(!admitted(&secrets, &[("host", "127.0.0.1"), (name, value)]), "{name}");
        }
    }

    #[test]
    fn a_missing_variable_is_named_and_no_secret_is_printed() {
        let config = Config::parse("[upstream]\napi_key_env = \"K\"\n").unwrap();
        assert!(Secrets::of(&config, |_| None).unwrap_err().to_string().contains("\"K\" is missing"));
        assert!(!format!("{:?}", secrets("[upstream]\napi_key_env = \"K\"\n")).contains("secret-of"));
    }

    #[test]
    fn a_password_is_looked_up_and_shown_to_nobody() {
        let redis = "[state]\nredis = \"redis://u:@localhost\"\nsecret_env = \"S\"\npassword_env = \"P\"\n";
        let config = Config::parse(redis).unwrap();
        let of = |password: Option<&str>| {
            Secrets::of(&config, |name| match name {
                "P" => password.map(str::to_owned),
                _ => Some("sixteen-bytes-xx".to_owned()),
            })
        };
        for password in [None, Some(""), Some(" \n")] {
            let problems = of(password).unwrap_err().to_string();
            assert!(
                problems.contains("state.password_env: the environment variable \"P\" is missing or empty")
            );
        }
        let secrets = of(Some("hunter2\n")).unwrap();
        assert_eq!(secrets.redis_password.as_deref(), Some("hunter2"));
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }

    #[test]
    fn a_shared_key_has_to_be_there_and_long_enough() {
        let config = Config::parse("[state]\nredis = \"redis://localhost\"\nsecret_env = \"S\"\n").unwrap();
        let of = |value: Option<&str>| Secrets::of(&config, |_| value.map(str::to_owned));
        for value in [None, Some(""), Some("fifteen-bytes-x"), Some("  fifteen-bytes-x \n")] {
            let problems = of(value).unwrap_err().to_string();
            assert!(
                problems
                    .starts_with("state.secret_env: the environment variable \"S\" is missing or shorter")
            );
            assert!(!problems.contains("fifteen"), "{problems}");
        }
        let secrets = of(Some("sixteen-bytes-xx\n")).unwrap();
        assert_eq!(secrets.shared, b"sixteen-bytes-xx");
        assert!(!format!("{secrets:?}").contains("sixteen") && !format!("{secrets:?}").contains("115"));
    }
}
