//! Choices from bytes, as a fuzzer makes them: what has no byte is the first.

use crate::candidate::Decision;
use crate::shard::Shard;
use crate::strategy::{Diverged, Strategy};

#[derive(Debug)]
pub(crate) struct Bytes {
    given: Vec<u8>,
    at: usize,
    begun: bool,
}

impl Bytes {
    /// One schedule, which is the first shard's.
    pub(crate) fn new(bytes: Vec<u8>, shard: Shard) -> Bytes {
        Bytes { given: bytes, at: 0, begun: !shard.has(0) }
    }
}

impl Strategy for Bytes {
    fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.begun, true)
    }

    fn choose(&mut self, decision: &Decision<'_>) -> Result<usize, Diverged> {
        let byte = self.given.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        Ok(usize::from(byte) % decision.among())
    }
}
