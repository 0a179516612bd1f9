//! See `tollgate_fuzz::properties::json_inject`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::properties::json_inject(data));
