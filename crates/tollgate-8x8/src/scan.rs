mod error;
mod span;

use std::borrow::Cow;

pub use error::{Fault, ScanError};
pub(crate) use span::Span;
use span::position;

use crate::Endpoint;
use crate::json::{Cursor, Text};
use crate::key::{Key, quoted};

/// The most destinations 8x8 takes in one batch.
pub const MAX_DESTINATIONS: usize = 10_000;

/// The bytes that one of `messages` usually has at least. Room is made for as many as there may be: a third of the body
/// at most, and for no more than may be sent.
const USUAL_MESSAGE: usize = 100;

/// What one strict pass over a body found: where the destinations are, and where `clientIp` is or belongs.
///
/// Positions only; the body itself is kept by whoever scanned it (see [`Dispatch`](crate::Dispatch)).
#[derive(Clone, Debug)]
pub struct Scan {
    pub(crate) top: Object,
    /// One for each of `messages` that is an object; a batch of `destinations` has none.
    pub(crate) messages: Vec<Object>,
    /// Every `clientIp` there is, in the order of the body.
    pub(crate) client_ips: Vec<ClientIpMember>,
    /// Of a dispatch to one number: where the values of `channel` and `whatsapp` are.
    pub(crate) channel: Option<Span>,
    pub(crate) whatsapp: Option<Span>,
    /// Of the same: where the value of `codeLength` is.
    pub(crate) code_length: Option<Span>,
    recipients: Vec<Recipient>,
    fault: Option<Fault>,
    /// A list or an object where none belongs: whatever is in it was not looked at.
    unseen: Option<Fault>,
}

/// An object that `clientIp` may be written into.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Object {
    /// After the last member's value, or after the `{` where there is none.
    pub(crate) end: u32,
    pub(crate) empty: bool,
    pub(crate) has_client_ip: bool,
}

/// An object that `clientIp` may stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The body itself.
    Top,
    /// One of `messages`, by its index.
    Message(u32),
}

/// A member whose key a reader could take for `clientIp`, or, but for the first of its object, several that follow one
/// another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientIpMember {
    pub(crate) place: Place,
    /// The first of its object.
    pub(crate) first: bool,
    /// The key is spelt `clientIp`, byte for byte.
    pub(crate) exact: bool,
    /// A member that is no `clientIp` stands before it.
    pub(crate) kept_before: bool,
    /// Where the member before it ends.
    pub(crate) before: u32,
    /// At the quote of its key.
    pub(crate) key: u32,
    /// At its value.
    pub(crate) value: u32,
    /// After its value.
    pub(crate) end: u32,
    /// At the quote of the next member's key; `end` where there is none.
    pub(crate) next: u32,
}

/// One destination of a dispatch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recipient {
    destination: Option<Span>,
    country: Option<Span>,
    /// In a batch: all of its element of the list.
    pub(crate) element: Option<Span>,
}

impl Scan {
    /// Reads `body` as this endpoint's.
    ///
    /// # Errors
    ///
    /// It is not strict JSON, not an object, or two readers could read two things in it.
    pub fn read(endpoint: Endpoint, body: &[u8]) -> Result<Self, ScanError> {
        if u32::try_from(body.len()).is_err() {
            return Err(ScanError::TooLong);
        }
        if let Err(error) = std::str::from_utf8(body) {
            return Err(ScanError::Utf8(error.valid_up_to()));
        }
        let mut cursor = Cursor::new(body);
        if cursor.peek() != b'{' {
            // Tell broken JSON from JSON that is not an object.
            cursor.skip()?;
            cursor.end()?;
            return Err(ScanError::NotAnObject);
        }
        let mut scan = Self {
            top: Object::default(),
            messages: Vec::new(),
            client_ips: Vec::new(),
            channel: None,
            whatsapp: None,
            code_length: None,
            recipients: Vec::new(),
            fault: None,
            unseen: None,
        };
        scan.top_level(&mut cursor, endpoint)?;
        cursor.end()?;
        if scan.recipients.is_empty() && scan.fault.is_none() {
            scan.fault = Some(Fault::NoRecipients);
        }
        Ok(scan)
    }

    /// How many `messages` there are, where each of them is an object that an address of its own can go into.
    #[must_use]
    pub fn own_messages(&self) -> Option<usize> {
        (self.messages.len() == self.recipients.len() && self.fault.is_none()).then_some(self.messages.len())
    }

    /// The destinations, in the order of the body.
    #[must_use]
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// What a dispatch to one number names as its `channel`; `None` where it names none, or not in text.
    #[must_use]
    pub fn channel<'a>(&self, body: &'a [u8]) -> Option<Cow<'a, str>> {
        text(self.channel?, body)
    }

    /// What keeps the destinations from being read, if anything: the injector need not mind, the guard must.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// What there is in a batch that a lenient reader could take for messages, and that was not looked into: the injector
    /// must mind.
    #[must_use]
    pub fn unseen(&self) -> Option<&Fault> {
        self.unseen.as_ref()
    }

    fn top_level(&mut self, cursor: &mut Cursor<'_>, endpoint: Endpoint) -> Result<(), ScanError> {
        let batch = endpoint.is_batch();
        let (mut destination, mut country) = (None, None);
        let mut members = Members::new(cursor, false);
        cursor.object(|cursor, text| {
            let key = members.key(cursor, text, self)?;
            let start = cursor.at();
            match key {
                Some(Key::Messages) if batch => self.read_messages(cursor)?,
                Some(Key::Destinations) if batch => self.read_destinations(cursor)?,
                _ => cursor.skip()?,
            }
            let value = Some(Span::new(start, cursor.at()));
            match key {
                Some(Key::Destination) => destination = value,
                Some(Key::Country) => country = value,
                Some(Key::Channel) if !batch => self.channel = value,
                Some(Key::WhatsApp) if !batch => self.whatsapp = value,
                Some(Key::CodeLength) if !batch => self.code_length = value,
                _ => {}
            }
            members.value(cursor, text, key, start, self);
            Ok::<_, ScanError>(())
        })?;
        self.top = members.object();
        if !batch {
            self.check(0, destination, country, cursor);
            self.recipients.push(Recipient { destination, country, element: None });
        }
        Ok(())
    }

    fn read_messages(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ScanError> {
        if cursor.peek() != b'[' {
            self.note_unseen(Fault::NotAList(Key::Messages.name()), cursor);
            return Ok(cursor.skip()?);
        }
        let room = (cursor.left() / USUAL_MESSAGE).min(MAX_DESTINATIONS);
        self.messages.reserve_exact(room);
        self.recipients.reserve_exact(room);
        cursor.array(|cursor| {
            let index = self.count()?;
            if cursor.peek() != b'{' {
                self.note_unseen(Fault::MessageNotAnObject(index), cursor);
                self.recipients.push(Recipient::default());
                return Ok(cursor.skip()?);
            }
            let (mut destination, mut country) = (None, None);
            let begin = cursor.at();
            let mut members = Members::new(cursor, true);
            cursor.object(|cursor, text| {
                let key = members.key(cursor, text, self)?;
                let start = cursor.at();
                cursor.skip()?;
                let value = Some(Span::new(start, cursor.at()));
                match key {
                    Some(Key::Destination) => destination = value,
                    Some(Key::Country) => country = value,
                    _ => {}
                }
                members.value(cursor, text, key, start, self);
                Ok::<_, ScanError>(())
            })?;
            self.check(index, destination, country, cursor);
            self.messages.push(members.object());
            let element = Some(Span::new(begin, cursor.at()));
            self.recipients.push(Recipient { destination, country, element });
            Ok(())
        })
    }

    fn read_destinations(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ScanError> {
        if cursor.peek() != b'[' {
            self.note_unseen(Fault::NotAList(Key::Destinations.name()), cursor);
            return Ok(cursor.skip()?);
        }
        cursor.array(|cursor| {
            let index = self.count()?;
            if cursor.peek() != b'"' {
                self.note_unseen(Fault::DestinationNotText(index), cursor);
            }
            let start = cursor.at();
            cursor.skip()?;
            let element = Some(Span::new(start, cursor.at()));
            self.check(index, element, None, cursor);
            self.recipients.push(Recipient { destination: element, country: None, element });
            Ok(())
        })
    }

    /// The index of the next recipient, while there may be one.
    fn count(&self) -> Result<usize, ScanError> {
        let index = self.recipients.len();
        if index >= MAX_DESTINATIONS { Err(ScanError::TooManyDestinations) } else { Ok(index) }
    }

    #[inline(always)]
    fn check(&mut self, index: usize, destination: Option<Span>, country: Option<Span>, cursor: &Cursor<'_>) {
        let text = |span: Span| cursor.byte(span.start()) == b'"';
        match destination {
            None => self.note(Fault::DestinationMissing(index)),
            Some(destination) if !text(destination) => self.note(Fault::DestinationNotText(index)),
            Some(_) => {}
        }
        let readable = |span: Span| match cursor.byte(span.start()) {
            b'"' => cursor.is_text(span.range()),
            first => first == b'n',
        };
        if country.is_some_and(|country| !readable(country)) {
            self.note(Fault::CountryNotText(index));
        }
    }

    /// The same of a value at the cursor that is not what it should be.
    fn note_unseen(&mut self, fault: Fault, cursor: &Cursor<'_>) {
        if matches!(cursor.peek(), b'{' | b'[') {
            self.unseen.get_or_insert_with(|| fault.clone());
        }
        self.note(fault);
    }

    /// The first one is told.
    fn note(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

impl Recipient {
    /// The number as the caller wrote it, escapes decoded; `None` where it is missing or not text.
    #[must_use]
    pub fn destination<'a>(&self, body: &'a [u8]) -> Option<Cow<'a, str>> {
        text(self.destination?, body)
    }

    /// The country beside it: what a national number is read with.
    #[must_use]
    pub fn country<'a>(&self, body: &'a [u8]) -> Option<Cow<'a, str>> {
        text(self.country?, body)
    }
}

fn text(span: Span, body: &[u8]) -> Option<Cow<'_, str>> {
    quoted(body.get(span.range())?)
}

/// The members of one object as they go by.
struct Members {
    in_message: bool,
    /// Bits of the keys seen.
    seen: u16,
    /// A member that is no `clientIp` went by.
    kept: bool,
    has_client_ip: bool,
    empty: bool,
    /// After the last value, or after the `{`.
    end: usize,
    /// The `clientIp` that went by last and waits for its `next`.
    pending: Option<usize>,
}

impl Members {
    /// At the object's `{`.
    fn new(cursor: &Cursor<'_>, in_message: bool) -> Self {
        Self {
            in_message,
            seen: 0,
            kept: false,
            has_client_ip: false,
            empty: true,
            end: cursor.at() + 1,
            pending: None,
        }
    }

    /// Before a value: which key it is, if one that Tollgate reads.
    #[inline(always)]
    fn key(&mut self, cursor: &Cursor<'_>, text: Text, scan: &mut Scan) -> Result<Option<Key>, ScanError> {
        if let Some(member) = self.pending.take().and_then(|index| scan.client_ips.get_mut(index)) {
            member.next = position(text.start - 1);
        }
        let Some(key) = Key::of(cursor.raw(text), text.escaped) else {
            return Ok(None);
        };
        if self.seen & key.bit() != 0 && key != Key::ClientIp {
            return Err(ScanError::Doubled(key.name()));
        }
        self.seen |= key.bit();
        const BOTH: u16 = Key::Messages.bit() | Key::Destinations.bit();
        if self.seen & BOTH == BOTH {
            return Err(ScanError::MessagesBesideDestinations);
        }
        Ok(Some(key))
    }

    /// After a value, which began at `start`.
    #[inline(always)]
    fn value(&mut self, cursor: &Cursor<'_>, text: Text, key: Option<Key>, start: usize, scan: &mut Scan) {
        if key == Some(Key::ClientIp) {
            let end = position(cursor.at());
            let before = position(self.end);
            let place =
                if self.in_message { Place::Message(position(scan.messages.len())) } else { Place::Top };
            // However many follow one another, they go as one.
            if let Some(last) = scan.client_ips.last_mut()
                && (last.place, last.end, last.first) == (place, before, false)
            {
                (last.end, last.next) = (end, end);
                self.pending = Some(scan.client_ips.len() - 1);
                self.end = cursor.at();
                return;
            }
            self.pending = Some(scan.client_ips.len());
            scan.client_ips.push(ClientIpMember {
                place,
                first: !self.has_client_ip,
                exact: cursor.raw(text) == Key::ClientIp.name().as_bytes(),
                kept_before: self.kept,
                before,
                key: position(text.start - 1),
                value: position(start),
                end,
                next: end,
            });
            self.has_client_ip = true;
        } else {
            self.kept = true;
        }
        self.empty = false;
        self.end = cursor.at();
    }

    fn object(&self) -> Object {
        Object { end: position(self.end), empty: self.empty, has_client_ip: self.has_client_ip }
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
