use bytes::Bytes;

use crate::Scan;

/// In a request's extensions: which recipients of its batch a layer has taken out, by where they stood.
#[derive(Clone, Debug)]
pub struct Removed(Vec<usize>);

impl Removed {
    /// These, in rising order.
    #[must_use]
    pub fn new(indices: Vec<usize>) -> Self {
        Self(indices)
    }

    /// Whether it was this one.
    #[must_use]
    pub fn has(&self, index: usize) -> bool {
        self.0.binary_search(&index).is_ok()
    }
}

/// The body of a batch without the recipients at these indices, which are in rising order. All other bytes stay as they
/// are: with an element goes the comma before it and the white space between, or, where nothing stays before it, the
/// comma after it.
///
/// `None` where nobody would be left, or where an index is no recipient's.
#[must_use]
pub fn without(scan: &Scan, body: &[u8], removed: &[usize]) -> Option<Bytes> {
    let recipients = scan.recipients();
    let mut removed = removed.iter().copied().peekable();
    let mut out = Vec::with_capacity(body.len());
    // What is copied next begins here.
    let mut at = 0;
    // Where the last one that stays ends.
    let mut kept = None;
    for (index, recipient) in recipients.iter().enumerate() {
        let element = recipient.element?;
        if removed.next_if_eq(&index).is_none() {
            if kept.is_none() {
                out.extend_from_slice(body.get(..recipients.first()?.element?.start())?);
                at = element.start();
            }
            kept = Some(element.end());
            continue;
        }
        if let Some(end) = kept {
            // Nothing where the one before this was taken out, too.
            out.extend_from_slice(body.get(at..end.max(at))?);
            at = element.end();
        }
    }
    if kept.is_none() || removed.next().is_some() {
        return None;
    }
    out.extend_from_slice(body.get(at..)?);
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::value::RawValue;

    use super::*;
    use crate::Endpoint;

    fn taken_out(body: &str, removed: &[usize]) -> Option<String> {
        let scan = Scan::read(Endpoint::SmsBatch, body.as_bytes()).unwrap();
        assert_eq!(scan.fault(), None, "{body}");
        without(&scan, body.as_bytes(), removed).map(|out| String::from_utf8(out.to_vec()).unwrap())
    }

    #[test]
    fn the_first_the_last_and_those_between_go_with_their_commas() {
        let body =
            "{ \"x\" : [1 , 2],\"destinations\" : [ \"1\" ,\n \"2\"\t, \"3\" , \"4\" ] , \"y\":1e400 }";
        for (removed, list) in [
            (&[0][..], "[ \"2\"\t, \"3\" , \"4\" ]"),
            (&[1], "[ \"1\"\t, \"3\" , \"4\" ]"),
            (&[3], "[ \"1\" ,\n \"2\"\t, \"3\" ]"),
            (&[0, 1], "[ \"3\" , \"4\" ]"),
            (&[1, 2], "[ \"1\" , \"4\" ]"),
            (&[2, 3], "[ \"1\" ,\n \"2\" ]"),
            (&[0, 2], "[ \"2\" , \"4\" ]"),
            (&[0, 3], "[ \"2\"\t, \"3\" ]"),
            (&[0, 1, 2], "[ \"4\" ]"),
            (&[1, 2, 3], "[ \"1\" ]"),
            (&[], "[ \"1\" ,\n \"2\"\t, \"3\" , \"4\" ]"),
        ] {
            let want = format!("{{ \"x\" : [1 , 2],\"destinations\" : {list} , \"y\":1e400 }}");
            assert_eq!(taken_out(body, removed), Some(want), "{removed:?}");
        }
    }

    #[test]
    fn nothing_comes_of_taking_out_everybody_or_somebody_who_is_not_there() {
        let body = r#"{"messages":[{"destination":"1"},{"destination":"2"}]}"#;
        for removed in [&[0, 1][..], &[2], &[1, 2], &[1, 0]] {
            assert_eq!(taken_out(body, removed), None, "{removed:?}");
        }
        let single = Scan::read(Endpoint::SmsSingle, br#"{"destination":"1"}"#).unwrap();
        assert_eq!(without(&single, br#"{"destination":"1"}"#, &[]), None);
    }

    #[test]
    fn what_looks_like_an_element_inside_another_is_left_alone() {
        let body = r#"{"messages":[{"destination":"1","x":[{"destination":"9"},"],"]},{"destination":"2"}],"a":"]"}"#;
        assert_eq!(taken_out(body, &[0]).unwrap(), r#"{"messages":[{"destination":"2"}],"a":"]"}"#);
        let out = taken_out(body, &[1]).unwrap();
        assert_eq!(out, r#"{"messages":[{"destination":"1","x":[{"destination":"9"},"],"]}],"a":"]"}"#);
    }

    fn elements<'a>(body: &'a str, list: &str) -> Vec<&'a str> {
        let top: std::collections::BTreeMap<&str, &'a RawValue> = serde_json::from_str(body).unwrap();
        let list: Vec<&'a RawValue> = serde_json::from_str(top[list].get()).unwrap();
        list.into_iter().map(RawValue::get).collect()
    }

    proptest! {
        #[test]
        fn what_stays_is_byte_for_byte_what_it_was_and_the_rest_parses(
            texts in prop::collection::vec(("[0-9 é,\\]\\[{}]{0,6}", "[ \n\t]{0,2}", "[ \n\t]{0,2}"), 1..12),
            take in prop::collection::vec(any::<bool>(), 12),
            objects in any::<bool>(),
            before in "[ \n]{0,3}",
        ) {
            let list = if objects { "messages" } else { "destinations" };
            let items: Vec<_> = texts
                .iter()
                .map(|(text, a, b)| {
                    let value = if objects { format!(r#"{{"n":-0.10e+5,"destination":"{text}"}}"#) } else { format!("\"{text}\"") };
                    format!("{a}{value}{b}")
                })
                .collect();
            let body = format!("{before}{{\"a\":[1,2 ],\"{list}\":[{}],\"z\":{{\"{list}\":[]}} }} ", items.join(","));
            let removed: Vec<_> = (0..texts.len()).filter(|index| take[*index]).collect();
            let out = taken_out(&body, &removed);
            prop_assert_eq!(out.is_none(), removed.len() == texts.len());
            if let Some(out) = out {
                let stay: Vec<_> = elements(&body, list)
                    .into_iter()
                    .enumerate()
                    .filter(|(index, _)| !removed.contains(index))
                    .map(|(_, element)| element)
                    .collect();
                prop_assert_eq!(elements(&out, list), stay);
                let (mut was, mut is): (Value, Value) =
                    (serde_json::from_str(&body).unwrap(), serde_json::from_str(&out).unwrap());
                was[list].take();
                is[list].take();
                prop_assert_eq!(was, is);
                // Before and after the list, nothing changed.
                let start = body.find(&format!("\"{list}\":[")).unwrap();
                prop_assert_eq!(&out[..start], &body[..start]);
                let tail = body.rfind("],\"z\"").unwrap();
                prop_assert!(out.ends_with(&body[tail..]));
                prop_assert_eq!(taken_out(&out, &[]), Some(out));
            }
        }
    }
}
