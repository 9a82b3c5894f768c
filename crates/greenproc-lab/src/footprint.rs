//! What a turn touched: whether two turns can change places without a difference that anybody could see.

use greenproc_sync::lab::{Access, Kind, Site, ThreadNo};

/// Something that threads share. The same in every schedule that comes to it by other orders of turns that have nothing to
/// do with each other: so objects are numbered by who named them first, and not by when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    /// A lock, a condition variable or a marked value: the n-th that this thread was the first to name.
    Named { by: ThreadNo, nth: u32 },
    /// One that was named in this very turn. Another turn may have named the same one, had it been first: all that look the
    /// same are taken for one.
    New(Class),
    /// The beginning and the end of a thread.
    Thread(ThreadNo),
    /// Who has which number.
    Threads,
}

/// What new objects look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Object(&'static str, Kind),
    Value(Site),
}

/// All that one turn touched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Footprint {
    /// It touched what nobody can tell: it goes with no other turn.
    everything: bool,
    /// In order.
    things: Vec<(Thing, Access)>,
}

impl Footprint {
    pub(crate) fn clear(&mut self) {
        self.everything = false;
        self.things.clear();
    }

    pub(crate) fn touch(&mut self, thing: Thing, access: Access) {
        match self.things.binary_search_by(|(other, _)| other.cmp(&thing)) {
            Ok(at) => self.things[at].1 = self.things[at].1.max(access),
            Err(at) => self.things.insert(at, (thing, access)),
        }
    }

    pub(crate) fn touch_everything(&mut self) {
        self.everything = true;
    }

    /// Takes in what another course of the same turn touched.
    pub(crate) fn unite(&mut self, other: &Footprint) {
        self.everything |= other.everything;
        for (thing, access) in &other.things {
            self.touch(*thing, *access);
        }
    }

    /// Whether two turns, both of which could be next, come to the same in both orders: nothing that one of them changes is
    /// touched by the other.
    pub(crate) fn commutes(&self, other: &Footprint) -> bool {
        if self.everything || other.everything {
            return false;
        }
        let (mut one, mut two) = (self.things.iter().peekable(), other.things.iter().peekable());
        while let (Some((this, mine)), Some((that, theirs))) = (one.peek(), two.peek()) {
            match this.cmp(that) {
                std::cmp::Ordering::Less => drop(one.next()),
                std::cmp::Ordering::Greater => drop(two.next()),
                std::cmp::Ordering::Equal if *mine == Access::Write || *theirs == Access::Write => {
                    return false;
                }
                std::cmp::Ordering::Equal => {
                    one.next();
                    two.next();
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Footprint, Thing};

    fn print(things: &[(Thing, Access)]) -> Footprint {
        let mut footprint = Footprint::default();
        for (thing, access) in things {
            footprint.touch(*thing, *access);
        }
        footprint
    }

    #[test]
    fn what_only_reads_the_same_commutes() {
        let (one, two) = (Thing::Named { by: 1, nth: 0 }, Thing::Named { by: 2, nth: 0 });
        let reads = print(&[(two, Access::Read), (one, Access::Read)]);
        let writes = print(&[(one, Access::Read), (one, Access::Write)]);
        assert!(reads.commutes(&reads));
        assert!(!reads.commutes(&writes) && !writes.commutes(&reads) && !writes.commutes(&writes));
        assert!(print(&[(two, Access::Write), (Thing::Threads, Access::Write)]).commutes(&writes));
        let mut all = Footprint::default();
        all.touch_everything();
        assert!(!all.commutes(&Footprint::default()) && !Footprint::default().commutes(&all));
    }
}
