//! What the papers say is what the code does.

use tollgate::core::RefusalKind;
use tollgate::eight::code_of;

#[test]
fn the_table_of_refusals_is_the_codes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/refusals.md");
    let table = std::fs::read_to_string(path).unwrap();
    for kind in RefusalKind::ALL {
        let row = table.lines().find(|line| line.starts_with(&format!("| `{kind}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/refusals.md has no row for {kind}"));
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let want =
            [kind.status().as_u16(), kind.grpc_code().into(), code_of(*kind)].map(|code| code.to_string());
        assert_eq!(&cells[cells.len() - 3..], &want, "{kind}");
    }
}

fn client_ip_paper() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/client-ip.md")).unwrap()
}

#[test]
fn the_table_of_presets_is_the_presets() {
    let paper = client_ip_paper();
    for preset in tollgate::client_ip::Preset::ALL {
        let row = paper.lines().find(|line| line.starts_with(&format!("| `{}` |", preset.as_str())));
        let row = row.unwrap_or_else(|| panic!("docs/client-ip.md has no row for {}", preset.as_str()));
        assert!(row.contains(preset.caveat()), "{row}\n{}", preset.caveat());
        assert!(row.contains(preset.header()), "{row}");
    }
}

#[test]
fn the_table_of_reasons_is_the_reasons() {
    let paper = client_ip_paper();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/tollgate-client-ip/src/reason.rs");
    let source = std::fs::read_to_string(source).unwrap();
    let codes: Vec<_> =
        source.lines().filter_map(|line| line.trim().strip_suffix("\",")?.split_once(" => \"")).collect();
    assert!(codes.len() > 12, "{codes:?}");
    for (_, code) in codes {
        assert!(paper.contains(&format!("\n| `{code}` |")), "docs/client-ip.md has no row for {code}");
    }
}

#[test]
fn the_page_of_rate_limits_has_every_metric() {
    let read =
        |path: &str| std::fs::read_to_string(format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (page, source) = (read("docs/rate-limit.md"), read("crates/tollgate-rate-limit/src/metrics.rs"));
    let names: Vec<_> = source.split('"').filter(|text| text.starts_with("tollgate_rate_limit_")).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("\n| `{name}` |")), "docs/rate-limit.md has no row for {name}");
    }
}
