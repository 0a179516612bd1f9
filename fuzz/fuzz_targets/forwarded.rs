//! See `tollgate_fuzz::properties::forwarded`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::properties::forwarded(data));
