//! Every seed keeps every promise, on any toolchain and without a fuzzer.

use std::fs;
use std::path::Path;

use tollgate_fuzz::properties;

fn all_of(target: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut seeds = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        property(&fs::read(path).unwrap());
        seeds += 1;
    }
    assert!(seeds >= 12, "{seeds} seeds of {target}");
}

#[test]
fn x_forwarded_for_keeps_its_promises() {
    all_of("x_forwarded_for", properties::x_forwarded_for);
}

#[test]
fn forwarded_keeps_its_promises() {
    all_of("forwarded", properties::forwarded);
}

#[test]
fn an_address_keeps_its_promises() {
    all_of("address", properties::address);
}

#[test]
fn a_body_keeps_its_promises() {
    all_of("json_inject", properties::json_inject);
}
