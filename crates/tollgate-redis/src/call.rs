use std::io::Write as _;

use redis::{Cmd, RedisWrite, ToRedisArgs};

/// A script's keys and arguments.
#[derive(Clone, Debug, Default)]
pub struct Call {
    keys: Words,
    args: Words,
}

/// One behind the other.
#[derive(Clone, Debug, Default)]
struct Words {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Call {
    /// With room for so many of each.
    #[must_use]
    pub fn with_capacity(keys: usize, args: usize) -> Self {
        Self { keys: Words::with_capacity(keys, 64), args: Words::with_capacity(args, 12) }
    }

    /// One more key.
    pub fn key(&mut self, key: impl AsRef<[u8]>) -> &mut Self {
        self.keys.push(key.as_ref());
        self
    }

    /// One more argument.
    pub fn arg(&mut self, arg: impl AsRef<[u8]>) -> &mut Self {
        self.args.push(arg.as_ref());
        self
    }

    /// One more argument, in decimal digits.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.args.write(format_args!("{number}"));
        self
    }

    /// One more argument.
    #[cfg(feature = "rate-limit")]
    pub(crate) fn write(&mut self, arg: std::fmt::Arguments<'_>) -> &mut Self {
        self.args.write(arg);
        self
    }

    pub(crate) fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = Cmd::with_capacity(
            3 + self.keys.ends.len() + self.args.ends.len(),
            64 + script.len() + self.keys.bytes.len() + self.args.bytes.len(),
        );
        command.arg(name).arg(script).arg(self.keys.ends.len()).arg(&self.keys).arg(&self.args);
        command
    }
}

impl Words {
    fn with_capacity(words: usize, bytes_each: usize) -> Self {
        Self { bytes: Vec::with_capacity(words * bytes_each), ends: Vec::with_capacity(words) }
    }

    fn push(&mut self, word: &[u8]) {
        self.bytes.extend_from_slice(word);
        self.ends.push(self.bytes.len());
    }

    fn write(&mut self, word: std::fmt::Arguments<'_>) {
        // Memory takes everything.
        let _ = self.bytes.write_fmt(word);
        self.ends.push(self.bytes.len());
    }
}

impl ToRedisArgs for Words {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        let mut start = 0;
        for &end in &self.ends {
            out.write_arg(self.bytes.get(start..end).unwrap_or_default());
            start = end;
        }
    }

    fn num_of_args(&self) -> usize {
        self.ends.len()
    }
}
