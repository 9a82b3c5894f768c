//! The bytes in a pipe: how many fit, and what goes in in one piece.

use std::collections::VecDeque;

/// What a pipe takes in one piece: a write of up to this many bytes is not mixed with those of others.
///
/// Source: POSIX `limits.h`; the value is Linux's.
pub const PIPE_BUF: usize = 4096;

/// A queue of bytes with a limit.
pub(super) struct Buffer {
    bytes: VecDeque<u8>,
    capacity: usize,
}

impl Buffer {
    /// An empty one for so many bytes, but at least [`PIPE_BUF`].
    pub(super) fn new(capacity: usize) -> Buffer {
        Buffer { bytes: VecDeque::new(), capacity: capacity.max(PIPE_BUF) }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn room(&self) -> usize {
        self.capacity - self.bytes.len()
    }

    /// Moves what is there into `into`, as much as fits; how much that was.
    pub(super) fn take(&mut self, into: &mut [u8]) -> usize {
        let count = into.len().min(self.bytes.len());
        let (front, back) = self.bytes.as_slices();
        let split = count.min(front.len());
        into[..split].copy_from_slice(&front[..split]);
        into[split..count].copy_from_slice(&back[..count - split]);
        self.bytes.drain(..count);
        count
    }

    /// Takes bytes in: up to [`PIPE_BUF`] all or none, of more what fits; how many it took.
    pub(super) fn put(&mut self, bytes: &[u8]) -> usize {
        if self.room() < wanted(bytes) && bytes.len() <= PIPE_BUF {
            return 0;
        }
        let count = bytes.len().min(self.room());
        self.bytes.extend(&bytes[..count]);
        count
    }
}

/// How much room is worth waking a writer of these bytes.
pub(super) fn wanted(bytes: &[u8]) -> usize {
    bytes.len().min(PIPE_BUF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_writes_go_in_whole_or_not_at_all() {
        let zeros = [0; 3 * PIPE_BUF];
        // The capacity asked for, what is in it, what is put, and how much of that goes in.
        let rows = [
            (0, 0, PIPE_BUF, PIPE_BUF),
            (1, PIPE_BUF - 1, 1, 1),
            (1, PIPE_BUF - 1, 2, 0),
            (1, PIPE_BUF - 1, PIPE_BUF, 0),
            (1, PIPE_BUF - 1, PIPE_BUF + 1, 1),
            (1, PIPE_BUF, 1, 0),
            (1, PIPE_BUF, PIPE_BUF + 1, 0),
            (5000, 0, PIPE_BUF + 1, PIPE_BUF + 1),
            (5000, 0, 3 * PIPE_BUF, 5000),
            (5000, 904, PIPE_BUF, PIPE_BUF),
            (5000, 905, PIPE_BUF, 0),
        ];
        for (capacity, before, put, taken) in rows {
            let mut buffer = Buffer::new(capacity);
            assert_eq!(buffer.put(&zeros[..before]), before);
            let room = buffer.room();
            assert_eq!(buffer.put(&zeros[..put]), taken, "{put} into {room} of {capacity}");
            assert_eq!((buffer.len(), buffer.room()), (before + taken, room - taken));
        }
    }

    #[test]
    fn bytes_come_out_in_order_around_the_ring() {
        let mut buffer = Buffer::new(0);
        let mut next = (0..=250_u8).cycle();
        let mut expected = next.clone();
        for _ in 0..100 {
            let put: Vec<u8> = next.by_ref().take(3000).collect();
            assert_eq!(buffer.put(&put), 3000);
            let mut got = [0; 1700];
            while buffer.len() > 0 {
                let count = buffer.take(&mut got);
                assert!(got[..count].iter().copied().eq(expected.by_ref().take(count)));
            }
        }
        assert_eq!(buffer.take(&mut [0; 8]), 0);
    }
}
