//! Cells as bytes, little-endian.

/// What is written as bytes, of which as many are read.
pub(super) trait Record: Sized {
    fn put(&self, out: &mut Vec<u8>);

    /// Takes it off the front; `None` where it cannot be one.
    fn take(from: &mut &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Record for $number {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                let (bytes, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(<$number>::from_le_bytes(*bytes))
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64);

impl Record for f32 {
    fn put(&self, out: &mut Vec<u8>) {
        self.to_bits().put(out);
    }

    /// No counter is as great as this, and none is not a number.
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(f32::from_bits(u32::take(from)?)).filter(|value| value.abs() < 1e12)
    }
}

impl<T: Record + Copy + Default, const N: usize> Record for [T; N] {
    fn put(&self, out: &mut Vec<u8>) {
        for value in self {
            value.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut values = [T::default(); N];
        for value in &mut values {
            *value = T::take(from)?;
        }
        Some(values)
    }
}

/// A struct as its fields, one after the other.
macro_rules! record {
    ($name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        impl $crate::engine::record::Record for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::engine::record::Record::put(&self.$field, out);)*
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: <$kind as $crate::engine::record::Record>::take(from)?),* })
            }
        }
    };
}

pub(super) use record;
