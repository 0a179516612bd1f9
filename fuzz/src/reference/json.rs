//! Where `clientIp` goes, from 8x8's schema, with `serde_json` for the grammar and for keys, and RFC 8259 for what is
//! left.

use std::ops::Range;

use serde_json::value::RawValue;

/// The keys that may be there once.
const ONCE: [&str; 8] =
    ["destination", "destinations", "messages", "country", "channel", "template", "codelength", "whatsapp"];

/// Whether it is JSON, however deep.
pub fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(body).is_ok()
}

/// How deep arrays and objects are nested, the outermost counted.
pub fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut at = 0;
    while at < body.len() {
        match body[at] {
            b'"' => at = string(body, at) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        at += 1;
    }
    deepest
}

/// What may be set in a body, which is known to be JSON.
#[derive(Debug)]
pub struct Body<'a> {
    text: &'a str,
    top: Vec<Member>,
    /// Those of a batch's `messages` that are objects, by where they begin.
    messages: Vec<(usize, Vec<Member>)>,
    start: usize,
    too_many: bool,
}

#[derive(Debug)]
struct Member {
    /// With its quotes.
    key: Range<usize>,
    name: Option<String>,
    value: Range<usize>,
}

impl<'a> Body<'a> {
    /// `None` where it is no object.
    pub fn new(text: &'a str, batch: bool) -> Option<Self> {
        let start = space(text.as_bytes(), 0);
        let top = members(text, start)?;
        let mut body = Self { text, top, messages: Vec::new(), start, too_many: false };
        for member in body.top.iter().filter(|_| batch) {
            let list = match member.name.as_deref() {
                Some("messages" | "destinations") => elements(text, member.value.start),
                _ => continue,
            };
            body.too_many |= list.len() > 10_000;
            if member.name.as_deref() == Some("messages") {
                body.messages
                    .extend(list.iter().filter_map(|item| Some((item.start, members(text, item.start)?))));
            }
        }
        Some(body)
    }

    /// Whether two readers could read two things, or there are more than 8x8 takes.
    pub fn is_refused(&self) -> bool {
        let ambiguous = |members: &Vec<Member>| {
            let count =
                |name: &str| members.iter().filter(|member| member.name.as_deref() == Some(name)).count();
            ONCE.into_iter().any(|name| count(name) > 1) || count("messages") + count("destinations") > 1
        };
        self.too_many || ambiguous(&self.top) || self.messages.iter().any(|(_, members)| ambiguous(members))
    }

    /// The body with `clientIp` at the top, where `top`, and in each message, where `each`; nowhere else in them.
    pub fn with_client_ip(&self, address: &str, top: bool, each: bool) -> String {
        let mut edits = edits(self.text, &self.top, self.start, top.then_some(address));
        for (start, members) in &self.messages {
            edits.extend(self::edits(self.text, members, *start, each.then_some(address)));
        }
        edits.sort_by_key(|(range, _)| range.start);
        let mut out = self.text.to_owned();
        for (range, text) in edits.into_iter().rev() {
            out.replace_range(range, &text);
        }
        out
    }

    /// How often a reader could see `clientIp`: at the top, and in each message.
    pub fn client_ips(&self) -> (usize, Vec<usize>) {
        let count = |members: &Vec<Member>| members.iter().filter(|member| member.is_client_ip()).count();
        (count(&self.top), self.messages.iter().map(|(_, members)| count(members)).collect())
    }
}

impl Member {
    fn is_client_ip(&self) -> bool {
        self.name.as_deref() == Some("clientip")
    }
}

fn edits(text: &str, members: &[Member], start: usize, address: Option<&str>) -> Vec<(Range<usize>, String)> {
    let mut edits = Vec::new();
    let mut first = true;
    let mut kept = false;
    for (index, member) in members.iter().enumerate() {
        if !member.is_client_ip() {
            kept = true;
            continue;
        }
        let before = index.checked_sub(1).map(|index| members[index].value.end);
        match (address, before) {
            (Some(address), _) if first => {
                kept = true;
                edits.push(if &text[member.key.clone()] == "\"clientIp\"" {
                    (member.value.clone(), format!("\"{address}\""))
                } else {
                    (member.key.start..member.value.end, format!("\"clientIp\":\"{address}\""))
                });
            }
            (_, Some(before)) if kept => edits.push((before..member.value.end, String::new())),
            _ => {
                let next = members.get(index + 1).map_or(member.value.end, |next| next.key.start);
                edits.push((member.key.start..next, String::new()));
            }
        }
        first = false;
    }
    if let Some(address) = address.filter(|_| first) {
        let member = format!("\"clientIp\":\"{address}\"");
        edits.push(match members.last() {
            Some(last) => (last.value.end..last.value.end, format!(",{member}")),
            None => (start + 1..start + 1, member),
        });
    }
    edits
}

fn members(text: &str, start: usize) -> Option<Vec<Member>> {
    let bytes = text.as_bytes();
    if bytes.get(start) != Some(&b'{') {
        return None;
    }
    let mut members = Vec::new();
    let mut at = space(bytes, start + 1);
    while bytes[at] != b'}' {
        let key = at..string(bytes, at);
        let value = space(bytes, space(bytes, key.end) + 1);
        let value = value..value_end(bytes, value);
        at = space(bytes, value.end);
        if bytes[at] == b',' {
            at = space(bytes, at + 1);
        }
        // A key with a lone surrogate is no text, and nobody's name.
        let name = serde_json::from_str::<String>(&text[key.clone()]).ok();
        members.push(Member { name: name.map(|name| name.chars().map(fold).collect()), key, value });
    }
    Some(members)
}

fn elements(text: &str, start: usize) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut elements = Vec::new();
    if bytes[start] != b'[' {
        return elements;
    }
    let mut at = space(bytes, start + 1);
    while bytes[at] != b']' {
        elements.push(at..value_end(bytes, at));
        at = space(bytes, value_end(bytes, at));
        if bytes[at] == b',' {
            at = space(bytes, at + 1);
        }
    }
    elements
}

/// As a reader may fold letters that does not care for their case.
fn fold(c: char) -> char {
    match c {
        'İ' | 'ı' => 'i',
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    }
}

fn space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// After the string that begins here, or at the end of a broken one.
fn string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn value_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    loop {
        match bytes[at] {
            b'"' => at = string(bytes, at) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        let ends = matches!(bytes.get(at), None | Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'));
        if depth == 0 && (ends || matches!(bytes[at - 1], b'"' | b'}' | b']')) {
            return at;
        }
    }
}
