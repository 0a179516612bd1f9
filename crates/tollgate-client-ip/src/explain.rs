//! A resolution told to a person: the chain, and what became of each of its entries.

use std::fmt;
use std::net::IpAddr;

use http::HeaderMap;

use crate::addr::Addr;
use crate::forwarded::Elements;
use crate::reason::{Evidence, Reason};
use crate::resolution::{Outcome, Resolution};
use crate::source::Grammar;
use crate::walk::{Commas, Lines, Walk};

/// One entry of the header that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Hop {
    /// From the right, 0 the last.
    pub index: usize,
    /// What it holds, escaped to ASCII, cut to 40 bytes.
    pub text: String,
    /// The address, where it is one.
    pub addr: Option<IpAddr>,
    /// What it was taken for.
    pub role: Role,
}

/// What an entry was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Role {
    /// A trusted proxy, passed over.
    Trusted,
    /// Who asks.
    Client,
    /// It had to be read and names nobody.
    Refused,
    /// Left of the answer: anybody may have written it, and it changed nothing.
    Unverified,
}

/// A [`Resolution`] told to a person, by its `Display`; and, with the feature `serde`, to a program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Explanation {
    /// Who was connected.
    pub peer: Option<String>,
    /// The rule that applied, from 0.
    pub rule: Option<usize>,
    /// The header that was read.
    pub header: Option<String>,
    /// `client`, `direct_peer` or `undetermined`.
    pub outcome: &'static str,
    /// Who asks.
    pub client_ip: Option<IpAddr>,
    /// How many entries right of the client were passed over as trusted proxies.
    pub hops_skipped: usize,
    /// Why that is not known, as a code.
    pub error: Option<&'static str>,
    /// How it was decided, as a sentence.
    pub why: String,
    /// The header's entries from the right, at most 64.
    pub chain: Vec<Hop>,
    /// What was not believed, `name: value` with the value escaped and cut; only from a layer, which removes it.
    pub ignored: Vec<String>,
    /// What looks like an attempt to be taken for somebody else.
    pub spoof_suspected: Option<&'static str>,
}

impl Resolution {
    /// The entries of the header that was read, from the right, as far as 64 of them.
    ///
    /// `headers` are the request's, which still have that header; where the layer rewrote it or refused the request, it
    /// has kept the lines itself.
    #[must_use]
    pub fn chain(&self, headers: &HeaderMap) -> Vec<Hop> {
        let Some((header, grammar)) = self.read else { return Vec::new() };
        let mut kept = HeaderMap::new();
        for (name, value) in self.received().filter(|(name, _)| *name == header) {
            kept.append(name, value.clone());
        }
        let headers = if kept.is_empty() { headers } else { &kept };
        match grammar {
            Grammar::One(format) => self.hops(Lines::new(headers, header, format)),
            Grammar::Entries(format) => self.hops(Commas::new(headers, header, format)),
            Grammar::Forwarded => self.hops(Elements::new(headers, header)),
        }
    }

    fn hops<'a>(&self, mut walk: impl Walk<'a>) -> Vec<Hop> {
        let mut chain = Vec::new();
        while let Ok(Some(entry)) = walk.next() {
            chain.push(Hop {
                index: entry.index,
                text: Evidence::of(entry.text).to_string(),
                addr: entry.addr.ok().map(Addr::ip),
                role: self.role(entry.index),
            });
        }
        chain
    }

    fn role(&self, index: usize) -> Role {
        let decided_at = |at: usize, role| match index {
            _ if index < at => Role::Trusted,
            _ if index == at => role,
            _ => Role::Unverified,
        };
        match &self.outcome {
            Outcome::Client(_) => decided_at(self.hops_skipped, Role::Client),
            Outcome::DirectPeer(_) => Role::Unverified,
            Outcome::Undetermined(reason) => match reason {
                Reason::MalformedEntry { index, .. }
                | Reason::Obfuscated { index, .. }
                | Reason::Unspecified { index, .. } => decided_at(*index, Role::Refused),
                Reason::AllTrusted { .. }
                | Reason::ChainTooShort { .. }
                | Reason::TooManyEntries { .. }
                // What could be walked before the line that could not.
                | Reason::ForwardedSyntax { .. } => Role::Trusted,
                _ => Role::Unverified,
            },
        }
    }

    /// The whole of it, for support and for logs: nothing in it can break a line. `headers` as for
    /// [`chain`](Self::chain).
    #[must_use]
    pub fn explain(&self, headers: &HeaderMap) -> Explanation {
        Explanation {
            peer: self.peer.map(|peer| peer.to_string()),
            rule: self.rule,
            header: self.header().map(ToString::to_string),
            outcome: self.outcome.as_str(),
            client_ip: self.client_ip().map(|client| client.addr()),
            hops_skipped: self.hops_skipped,
            error: self.reason().map(Reason::as_str),
            why: self.why(),
            chain: self.chain(headers),
            ignored: self.ignored(),
            spoof_suspected: self.spoof.map(crate::Spoof::as_str),
        }
    }

    /// What was not believed and is not in the request any more.
    pub(crate) fn ignored(&self) -> Vec<String> {
        let ignored = self.received().filter(|(name, _)| self.header() != Some(name));
        ignored.map(|(name, value)| format!("{name}: {}", Evidence::of(value.as_bytes()))).collect()
    }

    pub(crate) fn why(&self) -> String {
        let Some(peer) = self.peer.map(|peer| format!("peer {peer}")) else {
            return Reason::NoPeer.to_string();
        };
        let rule = match self.rule {
            Some(rule) => format!("{peer} matches rule {rule}"),
            None => format!("{peer} matches no rule"),
        };
        let decided = match (&self.outcome, self.header()) {
            (Outcome::Client(_), Some(header)) => match self.hops_skipped {
                0 => format!("the last entry of {header} is the client"),
                1 => format!(
                    "the last entry of {header} is a trusted proxy, and the one before it is the client"
                ),
                n => format!(
                    "the last {n} entries of {header} are trusted proxies, and the one before them is the client"
                ),
            },
            (Outcome::Client(_), None) => "the PROXY protocol header names the client".to_owned(),
            (Outcome::DirectPeer(_), _) => "the peer is the client, no header is read".to_owned(),
            (Outcome::Undetermined(reason), _) => reason.to_string(),
        };
        format!("{rule}; {decided}")
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.client_ip, self.error) {
            (Some(client), _) => writeln!(f, "client    {client} ({})", self.outcome)?,
            (None, error) => writeln!(f, "client    {} ({})", self.outcome, error.unwrap_or_default())?,
        }
        writeln!(f, "because   {}", self.why)?;
        if let (Some(header), false) = (&self.header, self.chain.is_empty()) {
            writeln!(f, "chain     {header}, from the right:")?;
        }
        for Hop { index, text, role, .. } in &self.chain {
            let role = match role {
                Role::Trusted => "a trusted proxy",
                Role::Client => "the client",
                Role::Refused => "names nobody",
                Role::Unverified => "not read: anybody may have written it",
            };
            writeln!(f, "      {index:>3} {text}  ({role})")?;
        }
        for line in &self.ignored {
            writeln!(f, "ignored   {line}")?;
        }
        match self.spoof_suspected {
            Some(kind) => writeln!(f, "suspected {kind}"),
            None => Ok(()),
        }
    }
}
