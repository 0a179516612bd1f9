//! See `tollgate_fuzz::properties::address`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::properties::address(data));
