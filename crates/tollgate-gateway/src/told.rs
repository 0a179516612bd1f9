//! What the app tells the gateway of whoever asks, by headers that are taken off before 8x8.

use http::{Extensions, HeaderMap};
use tollgate::pump_guard::{Asn, Caller, Honeytoken};

/// The app's trap for machines caught him: `1`.
const TRAP: &str = "tollgate-trap";
/// His session and his user, as the app names them.
const SESSION: &str = "tollgate-session";
const USER: &str = "tollgate-user";
/// The number of the network that he asks from: 1 to 4294967295.
const ASN: &str = "tollgate-asn";

/// The longest session or user, in bytes.
const LONGEST: usize = 256;

/// Takes the headers off, and puts what they tell into the extensions. What cannot be read, or is told twice, tells nothing:
/// it only ever speaks against somebody.
pub(crate) fn take(headers: &mut HeaderMap, extensions: &mut Extensions) {
    // A trap that caught somebody once is enough.
    if headers.get_all(TRAP).iter().any(|value| value == "1") {
        extensions.insert(Honeytoken);
    }
    let caller = [one(headers, SESSION), one(headers, USER)];
    if let [session, user] = &caller
        && caller.iter().any(Option::is_some)
    {
        let caller = Caller::new();
        let caller = caller.with_session(session.as_deref().unwrap_or_default());
        extensions.insert(caller.with_user(user.as_deref().unwrap_or_default()));
    }
    if let Some(asn) = one(headers, ASN).and_then(|asn| asn.parse().ok()).filter(|asn| *asn != 0) {
        extensions.insert(Asn(asn));
    }
    for name in [TRAP, SESSION, USER, ASN] {
        headers.remove(name);
    }
}

fn one(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let value = value.to_str().ok()?.trim();
    (1..=LONGEST).contains(&value.len()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[(&'static str, &str)]) -> Extensions {
        let (mut headers, mut extensions) = (HeaderMap::new(), Extensions::new());
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        take(&mut headers, &mut extensions);
        assert!(headers.is_empty(), "8x8 sees none of them");
        extensions
    }

    #[test]
    fn a_trap_is_told_by_a_1() {
        for (values, caught) in
            [(&["1"][..], true), (&["0", "1"], true), (&["0"], false), (&[""], false), (&[], false)]
        {
            let lines: Vec<_> = values.iter().map(|value| (TRAP, *value)).collect();
            assert_eq!(told(&lines).get::<Honeytoken>().is_some(), caught, "{values:?}");
        }
    }

    #[test]
    fn a_session_a_user_and_a_network_are_told_once_each() {
        let extensions = told(&[(SESSION, " s1 "), (USER, "u1"), (ASN, "64500")]);
        let caller = extensions.get::<Caller>().unwrap();
        assert_eq!((caller.session(), caller.user()), (Some("s1"), Some("u1")));
        assert_eq!(extensions.get(), Some(&Asn(64500)));
        let long = "x".repeat(257);
        for lines in [
            &[(SESSION, "s1"), (SESSION, "s2")][..],
            &[(USER, "")],
            &[(USER, &long)],
            &[(ASN, "AS64500")],
            &[(ASN, "0")],
            &[(ASN, "4294967296")],
        ] {
            let extensions = told(lines);
            assert!(extensions.get::<Caller>().is_none() && extensions.get::<Asn>().is_none(), "{lines:?}");
        }
    }
}
