//! What Tollgate answers.

use std::net::SocketAddr;

use http::HeaderMap;
use tollgate_client_ip::{Reason, Resolution, Resolver, Role, Rule, Strategy};
use tollgate_core::Peer;

use crate::reference::{Answer, Refusal, TRUSTED};

/// A resolver that believes the trusted networks about one header.
pub(crate) struct Ours {
    resolver: Resolver,
}

impl Ours {
    pub(crate) fn new(header: &str, strategy: Strategy) -> Self {
        let rule = Rule::new(TRUSTED, header, strategy).unwrap();
        Self { resolver: Resolver::new().with_rule(rule) }
    }

    /// The answer, which no bytes may make a client that nobody can be.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Answer {
        answer(&self.resolve(headers))
    }

    /// The answer, and that it can be told to a person whatever the bytes.
    pub(crate) fn answer_explained(&self, headers: &HeaderMap) -> Answer {
        let resolution = self.resolve(headers);
        let explanation = resolution.explain(headers);
        for line in explanation.to_string().lines() {
            assert!(
                line.is_ascii() && !line.contains(|c: char| c.is_ascii_control()),
                "{line:?} breaks a log"
            );
        }
        let answer = answer(&resolution);
        let clients: Vec<_> = explanation.chain.iter().filter(|hop| hop.role == Role::Client).collect();
        match (&answer, clients.as_slice()) {
            (Ok(addr), [client]) => assert_eq!(Some(*addr), client.addr),
            (Err(_), []) => {}
            _ => panic!("the explanation and the answer differ: {explanation:?}"),
        }
        answer
    }

    fn resolve(&self, headers: &HeaderMap) -> Resolution {
        let peer = Peer::Tcp(SocketAddr::from(([10, 0, 0, 1], 443)));
        self.resolver.resolve(Some(peer), headers)
    }
}

fn answer(resolution: &Resolution) -> Answer {
    if let Some(reason) = resolution.reason() {
        return Err(Refusal { code: reason.as_str(), index: index(reason) });
    }
    let addr = resolution.client_ip().unwrap().addr();
    assert!(!addr.is_unspecified(), "{addr} is nobody");
    assert!(!addr.is_multicast(), "{addr} is a group");
    assert_ne!(addr.to_string(), "255.255.255.255", "that is everybody");
    assert_eq!(addr, addr.to_canonical(), "IPv4-mapped is IPv4");
    Ok(addr)
}

fn index(reason: &Reason) -> Option<usize> {
    match reason {
        Reason::MalformedEntry { index, .. }
        | Reason::Obfuscated { index, .. }
        | Reason::Unspecified { index, .. } => Some(*index),
        _ => None,
    }
}
