use bytes::Bytes;

use crate::Scan;
use crate::scan::{Object, Place};

/// Where `clientIp` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placement {
    /// At the top level; removed inside `messages[*]`.
    Top,
    /// At the top level and in each of `messages`: the same address, whichever of the two 8x8 reads first.
    Each,
    /// Nowhere: whatever is there is removed.
    Nowhere,
}

/// One splice: `start..end` of the body becomes what `write` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    start: u32,
    end: u32,
    place: Place,
    write: Write,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    Nothing,
    /// `"address"`
    Value,
    /// `"clientIp":"address"`
    Member,
    /// `,"clientIp":"address"`
    NextMember,
}

impl Write {
    /// What stands before and after the address.
    const fn around(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Nothing => None,
            Self::Value => Some(("\"", "\"")),
            Self::Member => Some(("\"clientIp\":\"", "\"")),
            Self::NextMember => Some((",\"clientIp\":\"", "\"")),
        }
    }
}

impl Scan {
    /// The splices that put `clientIp` where `placement` says, in the order of the body, none overlapping.
    ///
    /// An existing one is replaced where it stands (and respelt), further ones are removed; a new one becomes the
    /// object's last member.
    #[must_use]
    pub fn edits(&self, placement: Placement) -> Vec<Edit> {
        match placement {
            Placement::Top => self.edits_where(|place| place == Place::Top),
            Placement::Each => self.edits_where(|_| true),
            Placement::Nowhere => self.edits_where(|_| false),
        }
    }

    /// The splices that put it into the objects that `set` says, and take it out of all others.
    #[must_use]
    pub fn edits_where(&self, set: impl Fn(Place) -> bool) -> Vec<Edit> {
        let all = !self.messages.is_empty() && set(Place::Message(0));
        let mut edits =
            Vec::with_capacity(self.client_ips.len() + if all { self.messages.len() } else { 0 } + 1);
        for member in &self.client_ips {
            let place = member.place;
            let edit = |start, end, write| Edit { start, end, place, write };
            edits.push(match (set(place), member.first, member.exact) {
                (true, true, true) => edit(member.value, member.end, Write::Value),
                (true, true, false) => edit(member.key, member.end, Write::Member),
                // With the comma before it, or, where nothing stays before it, with the comma after it.
                (true, false, _) => edit(member.before, member.end, Write::Nothing),
                (false, ..) if member.kept_before => edit(member.before, member.end, Write::Nothing),
                (false, ..) => edit(member.key, member.next, Write::Nothing),
            });
        }
        let mut insert = |object: &Object, place: Place| {
            if !object.has_client_ip && set(place) {
                let write = if object.empty { Write::Member } else { Write::NextMember };
                edits.push(Edit { start: object.end, end: object.end, place, write });
            }
        };
        for (index, message) in (0..).zip(&self.messages) {
            insert(message, Place::Message(index));
        }
        insert(&self.top, Place::Top);
        edits.sort_unstable_by_key(|edit| edit.start);
        edits
    }
}

/// `body` with the edits made, in one allocation of the right size. `address` is written as it is: it must need no
/// escaping in JSON, as no [`std::net::IpAddr`] does.
#[must_use]
pub fn apply(body: &[u8], edits: &[Edit], address: &str) -> Bytes {
    apply_each(body, edits, |_| address)
}

/// The same with an address for each object.
#[must_use]
pub fn apply_each<'a>(body: &[u8], edits: &[Edit], address: impl Fn(Place) -> &'a str) -> Bytes {
    let written: usize = edits
        .iter()
        .filter_map(|edit| Some((edit.place, edit.write.around()?)))
        .map(|(place, (before, after))| before.len() + address(place).len() + after.len())
        .sum();
    let removed: usize = edits.iter().map(|edit| (edit.end - edit.start) as usize).sum();
    let mut out = Vec::with_capacity(body.len() + written - removed);
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(body.get(at..edit.start as usize).unwrap_or_default());
        if let Some((before, after)) = edit.write.around() {
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(address(edit.place).as_bytes());
            out.extend_from_slice(after.as_bytes());
        }
        at = edit.end as usize;
    }
    out.extend_from_slice(body.get(at..).unwrap_or_default());
    out.into()
}
