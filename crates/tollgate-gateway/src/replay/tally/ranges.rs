use std::collections::HashMap;

use crate::replay::report::RangeRow;

/// How many ranges a report names.
const TOP: usize = 20;

/// What was stopped of each 10k range.
#[derive(Debug, Default)]
pub(super) struct Ranges(HashMap<String, Range>);

#[derive(Debug)]
struct Range {
    /// The 1k range, as long as there is only one.
    thousand: Option<String>,
    country: String,
    stopped: u64,
    price: f64,
}

impl Ranges {
    /// `thousand` is the number's 1k range, such as `+62812345xxx`.
    pub(super) fn add(&mut self, thousand: &str, country: &str, price: f64) {
        let range = self.0.entry(ten_thousand(thousand)).or_insert_with(|| Range {
            thousand: Some(thousand.to_owned()),
            country: country.to_owned(),
            stopped: 0,
            price: 0.0,
        });
        range.thousand = range.thousand.take().filter(|one| one == thousand);
        range.stopped += 1;
        range.price += price;
    }

    /// Those most was stopped of; the 1k range where all of it was in one.
    pub(super) fn top(self) -> Vec<RangeRow> {
        let mut rows: Vec<RangeRow> = self
            .0
            .into_iter()
            .map(|(ten_thousand, range)| RangeRow {
                range: range.thousand.unwrap_or(ten_thousand),
                country: range.country,
                stopped: range.stopped,
                price: range.price,
            })
            .collect();
        rows.sort_by(|a, b| b.stopped.cmp(&a.stopped).then_with(|| a.range.cmp(&b.range)));
        rows.truncate(TOP);
        rows
    }
}

/// `+62812345xxx` is of `+6281234xxxx`.
fn ten_thousand(thousand: &str) -> String {
    let digits = thousand.trim_end_matches('x');
    let mut chars = digits.chars();
    chars.next_back();
    format!("{}xxxx", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_as_narrow_as_what_was_stopped_of_it() {
        let mut ranges = Ranges::default();
        ranges.add("+62812345xxx", "ID", 1.0);
        ranges.add("+62812345xxx", "ID", 1.0);
        ranges.add("+6591111xxx", "SG", 1.0);
        ranges.add("+6591112xxx", "SG", 1.0);
        ranges.add("+6591111xxx", "SG", 1.0);
        let top: Vec<_> = ranges.top().into_iter().map(|row| (row.range, row.stopped)).collect();
        assert_eq!(top, [("+659111xxxx".to_owned(), 3), ("+62812345xxx".to_owned(), 2)]);
    }
}
