//! See `tollgate_fuzz::properties::x_forwarded_for`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::properties::x_forwarded_for(data));
