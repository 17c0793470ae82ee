//! What opens and closes over several events, as the script writes it: tickets, transfers, holds, orders of other channels.

use std::collections::BTreeMap;

use promissory_fakes::shopify::draw;

use super::world::Item;

/// Draws numbers, all decided by the seed.
#[derive(Debug)]
pub struct Dice {
    seed: u64,
    drawn: u64,
}

impl Dice {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// One from zero to below.
    pub fn below(&mut self, below: u64) -> u64 {
        self.drawn += 1;
        draw(self.seed, self.drawn) % below.max(1)
    }

    /// One of these, both included.
    pub fn within(&mut self, from: i64, to: i64) -> i64 {
        let wide = u64::try_from(to - from + 1).unwrap_or(1);
        from + i64::try_from(self.below(wide)).expect("the span is small")
    }

    /// True so many times of a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// The place of one of so many.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(u64::try_from(len).unwrap_or(u64::MAX))).expect("below a length")
    }
}

/// The kinds of papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sheet {
    /// A till's ticket.
    Ticket,
    /// On the way from the warehouse to the 3PL.
    Transfer,
    /// A quality hold.
    Hold,
    /// An order of another channel, set aside in the warehouse.
    Aside,
    /// Promised to a wholesale customer, from the 3PL.
    Wholesale,
}

impl Sheet {
    fn letter(self) -> char {
        match self {
            Self::Ticket => 'K',
            Self::Transfer => 'T',
            Self::Hold => 'Q',
            Self::Aside => 'D',
            Self::Wholesale => 'W',
        }
    }
}

/// A paper of which something is open.
#[derive(Debug, Clone)]
pub struct Open {
    /// Its name.
    pub reference: String,
    /// What it is about.
    pub item: Item,
    /// Units of it that are open.
    pub units: i64,
}

/// The papers of a morning.
#[derive(Debug, Default)]
pub struct Papers {
    open: BTreeMap<Sheet, Vec<Open>>,
    made: u64,
}

impl Papers {
    /// Opens one, and returns its name.
    pub fn open(&mut self, sheet: Sheet, item: Item, units: i64) -> String {
        self.made += 1;
        let reference = format!("{}-{:05}", sheet.letter(), self.made);
        self.open.entry(sheet).or_default().push(Open { reference: reference.clone(), item, units });
        reference
    }

    /// Closes one of those that are open, now and then only a part of it; none where none is open.
    pub fn close(&mut self, sheet: Sheet, dice: &mut Dice) -> Option<Open> {
        let open = self.open.get_mut(&sheet).filter(|open| !open.is_empty())?;
        let at = dice.index(open.len());
        let paper = open.get_mut(at)?;
        let lump = paper.item.lump();
        let part = paper.units - if dice.percent(30) { lump } else { 0 };
        if part >= lump && part < paper.units {
            paper.units -= part;
            return Some(Open { units: part, ..paper.clone() });
        }
        Some(open.swap_remove(at))
    }
}
