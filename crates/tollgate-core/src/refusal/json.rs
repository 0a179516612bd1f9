use super::{Member, Refusal};

/// Appends `text` as the inside of a JSON string (RFC 8259 §7), without the quotes.
pub fn escape_into(out: &mut String, text: &str) {
    let mut rest = text;
    // What is to be escaped is ASCII, so that its place is between characters.
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        match special.as_bytes()[0] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(control >> 4)]));
                out.push(char::from(HEX[usize::from(control & 15)]));
            }
        }
        rest = &special[1..];
    }
    out.push_str(rest);
}

impl Refusal {
    /// Appends the additional members, each as `,"name":value`: for formats whose body is a JSON object.
    pub fn append_members(&self, out: &mut String) {
        for (name, member) in &self.members {
            out.push_str(",\"");
            escape_into(out, name);
            out.push_str("\":");
            match member {
                Member::Number(number) => out.push_str(&number.to_string()),
                Member::Json(text) => out.push_str(text),
                Member::Texts(texts) => {
                    out.push('[');
                    for (i, text) in texts.iter().enumerate() {
                        out.push_str(if i == 0 { "\"" } else { ",\"" });
                        escape_into(out, text);
                        out.push('"');
                    }
                    out.push(']');
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_forbids_in_a_string_is_escaped() {
        let mut out = String::new();
        escape_into(&mut out, "a\"b\\c\n\u{1}é\u{1f}\r\t");
        assert_eq!(out, "a\\\"b\\\\c\\n\\u0001é\\u001f\\r\\t");
    }
}
