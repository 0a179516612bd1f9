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
