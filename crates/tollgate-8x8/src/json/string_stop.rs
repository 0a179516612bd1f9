/// The first `"`, `\` or control byte from `at` on. Keys and numbers are done within two words, which is quicker than
/// calling a search; a text of some length is worth the call.
#[inline(always)]
pub(super) fn string_stop(bytes: &[u8], mut at: usize) -> usize {
    let long = at + 16;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return at + (stops.trailing_zeros() / 8) as usize;
        }
        at += 8;
        if at == long {
            at = plain_blocks(bytes, at);
        }
    }
    while bytes.get(at).is_some_and(|&byte| !stops_a_string(byte)) {
        at += 1;
    }
    at
}

/// Past the blocks of sixteen bytes that nothing stops in: written for the compiler to compare all of a block at once.
#[inline(never)]
fn plain_blocks(bytes: &[u8], at: usize) -> usize {
    let (blocks, _) = bytes.get(at..).unwrap_or_default().as_chunks::<16>();
    let plain = blocks
        .iter()
        .take_while(|block| !block.iter().fold(false, |stop, &byte| stop | stops_a_string(byte)));
    at + 16 * plain.count()
}

fn stops_a_string(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// The high bits of the bytes of a little-endian word that stop a string. Only the lowest of them is to be trusted: what
/// a subtraction borrows spoils the bytes behind it.
#[inline(always)]
fn stops(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // Of the bytes below 0x80, those below 0x20 and 0x22 are below 0x21 once bit 1 is turned over.
    let controls_and_quotes = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslashes = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (controls_and_quotes | backslashes) & !word & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_stops_a_string_that_should_wherever_it_stands_and_whatever_is_around_it() {
        for around in [b'x', b'!', b'#', b']', 0x80, 0xa2, 0xdc] {
            for length in 0..36 {
                assert_eq!(string_stop(&vec![around; length], 0), length);
                for at in 0..length {
                    for byte in 0..=u8::MAX {
                        let mut bytes = vec![around; length];
                        bytes[at] = byte;
                        let stop = bytes.iter().position(|&byte| stops_a_string(byte)).unwrap_or(length);
                        assert_eq!(string_stop(&bytes, 0), stop, "{byte} at {at} of {length}");
                    }
                }
            }
        }
    }
}
