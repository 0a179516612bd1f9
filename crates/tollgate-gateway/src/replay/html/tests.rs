use super::*;
use crate::replay::report::{Bin, CountryRow, RangeRow, Stops, Timeline, VerdictRow};

fn report() -> Report {
    let bin = |at: &str, sends| Bin {
        at: at.to_owned(),
        sends,
        stops: Stops { blocked: sends / 2, ..Stops::default() },
        verified: 1,
    };
    Report {
        notes: vec!["<script>alert(1)</script> & \"more\"".to_owned()],
        sends: 30,
        verdicts: vec![VerdictRow { verdict: "block", sends: 15, price: 1.0 }],
        ranges: vec![RangeRow {
            range: "+62812345xxx".to_owned(),
            country: "<b>\"XX".to_owned(),
            stopped: 15,
            price: 1.0,
        }],
        countries: vec![CountryRow {
            country: "ID'><svg onload=x>".to_owned(),
            sends: 30,
            stopped: 15,
            stopped_percent: 50.0,
            verified: 3,
            verified_percent: 10.0,
            price: 1.0,
        }],
        timeline: Timeline { bin_minutes: 60, bins: vec![bin("a", 10), bin("b", 0), bin("c", 20)] },
        ..Report::default()
    }
}

#[test]
fn nothing_of_a_log_becomes_markup() {
    let page = page(&report());
    for bad in ["<script", "<b>", "onload=x>", "\"more\"", "\"XX"] {
        assert!(!page.contains(bad), "{bad}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;"));
}

#[test]
fn a_page_is_whole_titled_and_asks_nobody() {
    for page in [page(&report()), page(&Report::default())] {
        assert!(page.contains("<title>Tollgate replay</title>") && page.ends_with("</html>\n"));
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("url("), "{page}");
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        assert_eq!(page.matches("<svg").count(), page.matches("<svg role=\"img\" aria-label=").count());
    }
}

#[test]
fn columns_are_as_high_as_what_they_count() {
    let mut chart = String::new();
    stacked(&mut chart, &report().timeline.bins).unwrap();
    // 20 sends are the whole height, half of them blocked.
    assert!(
        chart.contains("<rect class=\"block\" x=\"660.0\" y=\"24.0\" width=\"299.0\" height=\"120.0\"/>"),
        "{chart}"
    );
}
