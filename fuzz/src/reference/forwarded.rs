//! `Forwarded` by the grammar of RFC 7239 §4, each rule a function from a text to what it read and what is left.

use super::list::{Element, client};
use super::node::node;
use super::{Answer, Method, Refusal, text};

/// What a rule read, and the text behind it; none where the text does not begin that way.
type Read<'a, T> = Option<(T, &'a str)>;

/// A parameter's name and value, out of its quotes.
type Pair = (String, String);

/// Parameters of one element. There are four in the RFC; the limit is ours.
const LONGEST_VALUE: usize = 128;
const MOST_PARAMETERS: usize = 16;

/// `Forwarded`: each line by itself and as a whole, from the last, and none that need not be read.
pub fn forwarded(method: Method, lines: &[impl AsRef<[u8]>]) -> Answer {
    let elements = lines.iter().rev().flat_map(|bytes| match line(&text(bytes.as_ref())) {
        Some(elements) => elements.into_iter().rev().map(Ok).collect(),
        None => vec![Err(Refusal::of_list("forwarded_syntax"))],
    });
    client(method, elements)
}

/// Whether each line by itself follows the grammar.
pub fn is_forwarded(lines: &[impl AsRef<[u8]>]) -> bool {
    lines.iter().all(|bytes| line(&text(bytes.as_ref())).is_some())
}

/// `1#forwarded-element`, which a recipient reads as `element *( OWS "," OWS element )` with elements that may be empty
/// (RFC 9110 §5.6.1.2).
fn line(text: &str) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    let mut rest = whitespace(text);
    loop {
        let (element, after) = element(rest)?;
        elements.push(element);
        rest = whitespace(after);
        match rest.strip_prefix(',') {
            Some(after) => rest = whitespace(after),
            None if rest.is_empty() => return Some(elements),
            None => return None,
        }
    }
}

/// `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )`
fn element(text: &str) -> Read<'_, Element> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut rest = text;
    loop {
        if token(rest).is_some() {
            let (pair, after) = pair(rest)?;
            pairs.push(pair);
            rest = after;
        }
        match rest.strip_prefix(';') {
            Some(after) => rest = after,
            None => break,
        }
    }
    let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    let repeated = (1..names.len()).any(|at| names[..at].contains(&names[at]));
    if repeated || pairs.len() > MOST_PARAMETERS {
        return None;
    }
    let is_empty = rest.len() == text.len();
    let by_whom = pairs.iter().find(|(name, _)| name == "for").map(|(_, value)| node(value));
    Some((if is_empty { None } else { Some(by_whom.unwrap_or(Err("malformed_entry"))) }, rest))
}

/// `forwarded-pair = token "=" value`, the name in lower case.
fn pair(text: &str) -> Read<'_, Pair> {
    let (name, rest) = token(text)?;
    let behind = rest.strip_prefix('=')?;
    let (value, rest) = value(behind)?;
    let written = behind.chars().count() - rest.chars().count();
    // Nobody's address is longer, with its quotes and escapes.
    let value = if written > LONGEST_VALUE { String::new() } else { value };
    Some(((name.to_ascii_lowercase(), value), rest))
}

/// `value = token / quoted-string`
fn value(text: &str) -> Read<'_, String> {
    token(text).or_else(|| quoted_string(text))
}

/// `token = 1*tchar` (RFC 9110 §5.6.2)
fn token(text: &str) -> Read<'_, String> {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)))
        .unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_owned(), &text[end..]))
}

/// `quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE` (RFC 9110 §5.6.4), without quotes and escapes.
fn quoted_string(text: &str) -> Read<'_, String> {
    let mut value = String::new();
    let inside = text.strip_prefix('"')?;
    let mut chars = inside.char_indices();
    loop {
        let (at, c) = chars.next()?;
        match c {
            '"' => return Some((value, &inside[at + 1..])),
            '\\' => value.push(chars.next().map(|(_, escaped)| escaped).filter(|&c| is_text(c))?),
            c if is_text(c) => value.push(c),
            _ => return None,
        }
    }
}

/// `HTAB`, `SP`, `VCHAR` and `obs-text`.
fn is_text(c: char) -> bool {
    matches!(c, '\t' | ' '..='~' | '\u{80}'..='\u{ff}')
}

/// `OWS`
fn whitespace(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}
