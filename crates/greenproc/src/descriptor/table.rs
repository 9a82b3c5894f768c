//! The table itself: which number is what. Data only; what is taken out is returned, to be dropped without the lock.

use std::sync::Arc;

use super::{Fd, Open};

/// What a number stands for.
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) open: Arc<Open>,
    pub(crate) close_on_exec: bool,
}

impl Slot {
    pub(crate) fn of(open: &Arc<Open>) -> Slot {
        Slot { open: Arc::clone(open), close_on_exec: false }
    }
}

/// The slots of a process, by number.
#[derive(Default)]
pub(crate) struct Table {
    slots: Vec<Option<Slot>>,
    count: usize,
    /// No number below this is free.
    low: usize,
    /// The process is past closing them; nothing is opened any more.
    over: bool,
}

/// Why a number was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// All below this are taken.
    Limit(u32),
    Over,
}

impl Table {
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn get(&self, fd: Fd) -> Option<&Slot> {
        self.slots.get(fd.index())?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, fd: Fd) -> Option<&mut Slot> {
        self.slots.get_mut(fd.index())?.as_mut()
    }

    /// What is open, lowest number first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Fd, &Slot)> {
        let numbered = self.slots.iter().enumerate();
        numbered.filter_map(|(index, slot)| Some((Fd::at(index)?, slot.as_ref()?)))
    }

    /// Gives it the lowest free number.
    pub(crate) fn insert(&mut self, open: &Arc<Open>, limit: u32) -> Result<Fd, Refused> {
        let free = self.slots.iter().skip(self.low).position(Option::is_none);
        let index = free.map_or(self.slots.len(), |place| self.low + place);
        self.low = index;
        if self.over {
            return Err(Refused::Over);
        }
        let fd = Fd::at(index).filter(|_| index < limit as usize).ok_or(Refused::Limit(limit))?;
        let before = self.put(fd, Slot::of(open));
        debug_assert!(before.is_none(), "the number is free");
        self.low = index + 1;
        Ok(fd)
    }

    /// Two at once, or none.
    pub(crate) fn insert_both(
        &mut self,
        one: &Arc<Open>,
        other: &Arc<Open>,
        limit: u32,
    ) -> Result<(Fd, Fd), Refused> {
        let first = self.insert(one, limit)?;
        match self.insert(other, limit) {
            Ok(second) => Ok((first, second)),
            Err(refused) => {
                // The caller has it too: nothing is dropped here.
                drop(self.take(first));
                Err(refused)
            }
        }
    }

    /// Gives it this number; what had it is returned.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn put(&mut self, fd: Fd, slot: Slot) -> Option<Slot> {
        let index = fd.index();
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, || None);
        }
        let before = self.slots[index].replace(slot);
        self.count += usize::from(before.is_none());
        before
    }

    #[must_use = "drop it after unlocking"]
    pub(crate) fn take(&mut self, fd: Fd) -> Option<Slot> {
        let slot = self.slots.get_mut(fd.index())?.take()?;
        self.count -= 1;
        self.low = self.low.min(fd.index());
        Some(slot)
    }

    /// Takes out what an exec closes.
    #[must_use = "drop them after unlocking"]
    pub(crate) fn take_marked(&mut self) -> Vec<Slot> {
        let marked: Vec<Fd> = self.iter().filter(|(_, slot)| slot.close_on_exec).map(|(fd, _)| fd).collect();
        marked.into_iter().filter_map(|fd| self.take(fd)).collect()
    }

    /// Takes all out, for ever.
    #[must_use = "drop them after unlocking"]
    pub(crate) fn end(&mut self) -> Vec<Slot> {
        self.over = true;
        self.count = 0;
        std::mem::take(&mut self.slots).into_iter().flatten().collect()
    }

    /// What a child begins with: the same slots.
    pub(crate) fn copy(&self) -> Table {
        Table { slots: self.slots.clone(), count: self.count, low: self.low, over: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fd(raw: i32) -> Fd {
        Fd::new(raw).expect("not negative")
    }

    fn open() -> Arc<Open> {
        Open::new(0_u8)
    }

    #[test]
    fn the_lowest_free_number_is_given() {
        let mut table = Table::default();
        let given: Vec<i32> = (0..4).map(|_| table.insert(&open(), 8).expect("room").as_raw()).collect();
        assert_eq!(given, [0, 1, 2, 3]);
        assert!(table.take(fd(2)).is_some() && table.take(fd(0)).is_some());
        assert!(table.take(fd(0)).is_none() && table.take(fd(9)).is_none());
        let given: Vec<i32> = (0..3).map(|_| table.insert(&open(), 8).expect("room").as_raw()).collect();
        assert_eq!((given, table.count()), (vec![0, 2, 4], 5));
    }

    #[test]
    fn numbers_stay_below_the_limit() {
        let mut table = Table::default();
        assert_eq!(table.insert(&open(), 0), Err(Refused::Limit(0)));
        assert_eq!(table.insert_both(&open(), &open(), 1), Err(Refused::Limit(1)));
        assert_eq!(table.count(), 0);
        assert_eq!(table.insert_both(&open(), &open(), 2), Ok((fd(0), fd(1))));
        assert_eq!(table.insert(&open(), 2), Err(Refused::Limit(2)));
        assert_eq!(table.insert(&open(), 3), Ok(fd(2)), "a limit that was raised");
    }

    #[test]
    fn a_number_far_out_leaves_those_below_free() {
        let mut table = Table::default();
        assert!(table.put(fd(5), Slot::of(&open())).is_none());
        assert!(table.put(fd(5), Slot::of(&open())).is_some());
        assert_eq!((table.count(), table.insert(&open(), 8)), (1, Ok(fd(0))));
        assert_eq!(table.iter().map(|(fd, _)| fd.as_raw()).collect::<Vec<_>>(), [0, 5]);
    }

    #[test]
    fn an_exec_takes_what_is_marked() {
        let mut table = Table::default();
        let kept = table.insert(&open(), 8).expect("room");
        let marked = table.insert(&open(), 8).expect("room");
        table.get_mut(marked).expect("it is there").close_on_exec = true;
        let copy = table.copy();
        assert_eq!((table.take_marked().len(), table.take_marked().len()), (1, 0));
        assert!(table.get(kept).is_some() && table.get(marked).is_none());
        assert!(copy.get(marked).is_some_and(|slot| slot.close_on_exec), "a child inherits the mark");
    }

    #[test]
    fn the_end_is_for_ever() {
        let mut table = Table::default();
        assert!(table.insert(&open(), 8).is_ok());
        assert_eq!((table.end().len(), table.count()), (1, 0));
        assert_eq!(table.insert(&open(), 8), Err(Refused::Over));
    }
}
