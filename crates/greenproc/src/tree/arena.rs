//! Where the nodes of the process tree live, and the lists that thread through them.
//!
//! Nodes sit in chunks that never move, all of one size, so that growing the arena is cheap at any size and a node is found by a
//! shift and a mask; memory that is not touched is not taken from the host. All but the beginning asks the host for huge
//! pages, because with a million processes the time of a wait goes into address translation. A node is addressed by its index; a [`NodeRef`] adds the generation, so that an index that was
//! used again is told apart.

use std::num::NonZeroU32;

use crate::tree::node::{Body, Node};

/// The index of a node, plus one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(NonZeroU32);

impl NodeId {
    fn from_index(index: usize) -> NodeId {
        // The arena holds at most as many nodes as there are pids, and those are 31-bit numbers.
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        NodeId(number.expect("an arena never outgrows the pids"))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A node as it was when the reference was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeRef {
    pub(crate) id: NodeId,
    pub(crate) generation: u32,
}

impl NodeRef {
    /// Packs the reference into one word, for an atomic; zero is no reference.
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.id.0.get())
    }

    pub(crate) fn from_bits(bits: u64) -> Option<NodeRef> {
        let id = NonZeroU32::new(bits as u32)?;
        Some(NodeRef { id: NodeId(id), generation: (bits >> 32) as u32 })
    }
}

/// The lists a node can be in, each with a pair of links in the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// All children of one parent, in the order in which they became its children.
    Siblings,
    /// All members of one process group.
    Group,
    /// Children of one parent with an event of one kind, for waits for any child.
    AnyEvent,
    /// The same, for waits for one group.
    GroupEvent,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Link {
    pub(super) prev: Option<NodeId>,
    pub(super) next: Option<NodeId>,
}

/// The two ends of a list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct List {
    head: Option<NodeId>,
    pub(super) tail: Option<NodeId>,
}

impl List {
    pub(crate) fn front(self) -> Option<NodeId> {
        self.head
    }

    pub(crate) fn push_back(&mut self, arena: &mut Arena, chain: Chain, id: NodeId) {
        *arena.get_mut(id).link_mut(chain) = Link { prev: self.tail, next: None };
        match self.tail {
            Some(tail) => arena.get_mut(tail).link_mut(chain).next = Some(id),
            None => self.head = Some(id),
        }
        self.tail = Some(id);
    }

    pub(crate) fn remove(&mut self, arena: &mut Arena, chain: Chain, id: NodeId) {
        let Link { prev, next } = std::mem::take(arena.get_mut(id).link_mut(chain));
        if let Some(prev) = prev {
            arena.get_mut(prev).link_mut(chain).next = next;
        } else {
            debug_assert_eq!(self.head, Some(id), "a node without a predecessor heads its list");
            self.head = next;
        }
        match next {
            Some(next) => arena.get_mut(next).link_mut(chain).prev = prev,
            None => self.tail = prev,
        }
    }

    /// Moves all nodes up to `last`, which is in this list, to the end of another one.
    pub(crate) fn give_front(&mut self, arena: &mut Arena, chain: Chain, last: NodeId, to: &mut List) {
        let Some(first) = self.head else { return };
        let rest = arena.get_mut(last).link_mut(chain).next.take();
        self.head = rest;
        match rest {
            Some(rest) => arena.get_mut(rest).link_mut(chain).prev = None,
            None => self.tail = None,
        }
        arena.get_mut(first).link_mut(chain).prev = to.tail;
        match to.tail {
            Some(tail) => arena.get_mut(tail).link_mut(chain).next = Some(first),
            None => to.head = Some(first),
        }
        to.tail = Some(last);
    }
}

/// The places of a chunk. A power of two.
const CHUNK: usize = 1 << 16;

/// So many places come before the first that ask for huge pages: few processes are not to take megabytes.
const SMALL: usize = 1 << 14;

/// All nodes of one tree.
#[derive(Default)]
pub(crate) struct Arena {
    /// Each has room for `CHUNK` nodes, of which it holds as many as were ever in use.
    chunks: Vec<Vec<Node>>,
    /// How many places were ever in use.
    places: usize,
    free: Vec<NodeId>,
    live: usize,
    #[cfg(test)]
    touched: std::cell::Cell<u64>,
}

/// The chunk of a place, and where in it.
fn locate(index: usize) -> (usize, usize) {
    (index / CHUNK, index % CHUNK)
}

impl Arena {
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// A place that was vacant, with what `furnish` puts there.
    pub(crate) fn insert(&mut self, furnish: impl FnOnce(&mut Node)) -> NodeRef {
        let id = self.free.pop().unwrap_or_else(|| self.grow());
        self.live += 1;
        let node = self.get_mut(id);
        furnish(node);
        NodeRef { id, generation: node.generation }
    }

    /// Makes a place vacant; references to it are stale from here on. What stood behind it is returned.
    pub(crate) fn remove(&mut self, id: NodeId) -> Body {
        let body = self.get_mut(id).vacate();
        self.live -= 1;
        self.free.push(id);
        body
    }

    pub(crate) fn get(&self, id: NodeId) -> &Node {
        #[cfg(test)]
        self.touched.set(self.touched.get() + 1);
        let (chunk, place) = locate(id.index());
        &self.chunks[chunk][place]
    }

    pub(crate) fn get_mut(&mut self, id: NodeId) -> &mut Node {
        #[cfg(test)]
        self.touched.set(self.touched.get() + 1);
        let (chunk, place) = locate(id.index());
        &mut self.chunks[chunk][place]
    }

    /// Whether the reference still means the node that it was made for.
    pub(crate) fn holds(&self, node: NodeRef) -> bool {
        let current = self.get(node.id);
        current.generation == node.generation && !matches!(current.body, Body::Vacant)
    }

    /// The next node in a list, if there is one.
    pub(crate) fn next(&self, chain: Chain, id: NodeId) -> Option<NodeId> {
        self.get(id).link(chain).next
    }

    /// The nodes in use among `count` places from `from` on, and where to go on; for looking at all in pages.
    pub(crate) fn page(
        &self,
        from: usize,
        count: usize,
    ) -> (impl Iterator<Item = NodeId> + '_, Option<usize>) {
        let end = (from + count).min(self.places);
        let ids =
            (from..end).map(NodeId::from_index).filter(|&id| !matches!(self.get(id).body, Body::Vacant));
        (ids, (end < self.places).then_some(end))
    }

    /// How many times a node was looked at; what a wait costs is told by the difference.
    #[cfg(test)]
    pub(crate) fn touched(&self) -> u64 {
        self.touched.get()
    }

    /// Forgets to count a node: a mistake, for the tests of who finds it.
    #[cfg(test)]
    pub(crate) fn miscount(&mut self) {
        self.live -= 1;
    }

    fn grow(&mut self) -> NodeId {
        let index = self.places;
        let (chunk, _) = locate(index);
        if chunk == self.chunks.len() {
            let mut nodes = Vec::with_capacity(CHUNK);
            let small = if chunk == 0 { SMALL } else { 0 };
            greenproc_os::pages::advise_huge(&mut nodes.spare_capacity_mut()[small..]);
            self.chunks.push(nodes);
        }
        self.chunks[chunk].push(Node::vacant(0));
        self.places += 1;
        NodeId::from_index(index)
    }
}
