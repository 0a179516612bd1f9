//! The headers that rules read: only the peer whose rule reads one may send it on.

use http::{HeaderMap, HeaderName};

use crate::resolution::Spoof;
use crate::rule::Rule;

/// The names that some rule reads or requires.
#[derive(Clone, Debug, Default)]
pub(crate) struct Managed {
    names: Vec<&'static HeaderName>,
    /// A bit for each length a name has: most headers of a request are told apart by theirs.
    lengths: u64,
}

impl Managed {
    pub(crate) fn add(&mut self, rule: &Rule) {
        let required = rule.required().map(|required| required.header);
        for name in rule.header().into_iter().chain(required) {
            if !self.names.contains(&name) {
                self.lengths |= bit(name);
                self.names.push(name);
            }
        }
    }

    pub(crate) fn names(&self) -> &[&'static HeaderName] {
        &self.names
    }

    /// The headers that nobody has vouched for: where `rule` applies, all but its own. With each, what it looks like.
    pub(crate) fn unbelieved<'a>(
        &'a self,
        rule: Option<&'a Rule>,
        headers: &'a HeaderMap,
    ) -> impl Iterator<Item = (&'a HeaderName, Spoof)> {
        let (own, proof) = match rule {
            Some(rule) => (rule.header(), rule.required().map(|required| required.header)),
            None => (None, None),
        };
        headers.keys().filter(|name| self.lengths & bit(name) != 0).filter_map(move |name| {
            if own.is_some_and(|own| own == name) || proof.is_some_and(|proof| proof == name) {
                return None;
            }
            match own {
                Some(_) if self.names.contains(&name) => Some((name, Spoof::OtherHeader)),
                None if self.names.contains(&name) => Some((name, Spoof::UntrustedPeer)),
                _ => self.names.iter().any(|managed| is_alias(name, managed)).then_some((name, Spoof::Alias)),
            }
        })
    }
}

/// Lengths beyond 63 share a bit.
fn bit(name: &HeaderName) -> u64 {
    1 << name.as_str().len().min(63)
}

/// Whether CGI, WSGI, PHP and their kind could take one for the other: they write `_` for what is no letter or digit.
pub(crate) fn is_alias(name: &HeaderName, managed: &HeaderName) -> bool {
    let (name, managed) = (name.as_str().as_bytes(), managed.as_str().as_bytes());
    let folded = |b: u8| if b.is_ascii_alphanumeric() { b } else { b'-' };
    name.len() == managed.len() && name.iter().zip(managed).all(|(&a, &b)| folded(a) == folded(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Strategy;

    fn names(rule: Option<&Rule>, managed: &Managed, sent: &[&'static str]) -> Vec<(String, Spoof)> {
        let headers: HeaderMap =
            sent.iter().map(|name| (HeaderName::from_static(name), "x".parse().unwrap())).collect();
        let mut all: Vec<_> =
            managed.unbelieved(rule, &headers).map(|(name, spoof)| (name.to_string(), spoof)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    #[test]
    fn a_peers_own_header_is_believed_and_another_rules_and_every_alias_are_not() {
        let rule = |header| Rule::new(["10.0.0.0/8"], header, Strategy::Count(1)).unwrap();
        let cdn = rule("CF-Connecting-IP").with_required_header("X-Secret", "s").unwrap();
        let proxy = rule("X-Forwarded-For");
        let mut managed = Managed::default();
        managed.add(&cdn);
        managed.add(&proxy);
        let sent = [
            "x-forwarded-for",
            "x_forwarded-for",
            "x.forwarded.for",
            "cf-connecting-ip",
            "cf_connecting~ip",
            "x-secret",
            "x-forwarded-fo",
            "x-forwarded-host",
            "accept",
        ];
        let named = |list: &[(&str, Spoof)]| -> Vec<(String, Spoof)> {
            list.iter().map(|&(name, spoof)| (name.to_owned(), spoof)).collect()
        };
        assert_eq!(
            names(Some(&cdn), &managed, &sent),
            named(&[
                ("cf_connecting~ip", Spoof::Alias),
                ("x-forwarded-for", Spoof::OtherHeader),
                ("x.forwarded.for", Spoof::Alias),
                ("x_forwarded-for", Spoof::Alias),
            ])
        );
        assert_eq!(
            names(None, &managed, &["x-forwarded-for", "x-secret", "via"]),
            named(&[("x-forwarded-for", Spoof::UntrustedPeer), ("x-secret", Spoof::UntrustedPeer)])
        );
    }
}
