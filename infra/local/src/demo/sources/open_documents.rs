//! The source documents of the script, which several events open and close: POS tickets, transfers, quality holds, and orders of
//! other channels.

use std::collections::BTreeMap;

use promissory_fakes::shopify::draw;

use super::master_data::Item;

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

    /// A number from zero to `below` - 1.
    pub fn below(&mut self, below: u64) -> u64 {
        self.drawn += 1;
        draw(self.seed, self.drawn) % below.max(1)
    }

    /// A number from `from` to `to`, both included.
    pub fn within(&mut self, from: i64, to: i64) -> i64 {
        let wide = u64::try_from(to - from + 1).unwrap_or(1);
        from + i64::try_from(self.below(wide)).expect("the span is small")
    }

    /// True with a probability of `percent` of 100.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// An index into a list of this length.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(u64::try_from(len).unwrap_or(u64::MAX))).expect("below a length")
    }
}

/// The types of source documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentType {
    /// A ticket of the POS.
    Ticket,
    /// A transfer from the warehouse to the 3PL.
    Transfer,
    /// A quality hold.
    Hold,
    /// An order of another channel, allocated in the warehouse.
    Outbound,
    /// A wholesale order that ships from the 3PL.
    Wholesale,
}

impl DocumentType {
    fn letter(self) -> char {
        match self {
            Self::Ticket => 'K',
            Self::Transfer => 'T',
            Self::Hold => 'Q',
            Self::Outbound => 'D',
            Self::Wholesale => 'W',
        }
    }
}

/// A source document with open units.
#[derive(Debug, Clone)]
pub struct OpenDocument {
    /// Its reference.
    pub reference: String,
    /// Its item.
    pub item: Item,
    /// Its open units.
    pub units: i64,
}

/// The open source documents of the morning.
#[derive(Debug, Default)]
pub struct OpenDocuments {
    open: BTreeMap<DocumentType, Vec<OpenDocument>>,
    made: u64,
}

impl OpenDocuments {
    /// Opens a document, and returns its reference.
    pub fn open(&mut self, of_type: DocumentType, item: Item, units: i64) -> String {
        self.made += 1;
        let reference = format!("{}-{:05}", of_type.letter(), self.made);
        self.open.entry(of_type).or_default().push(OpenDocument { reference: reference.clone(), item, units });
        reference
    }

    /// Closes an open document, or sometimes a part of its units. Returns `None` if no document of this type is open.
    pub fn close(&mut self, of_type: DocumentType, dice: &mut Dice) -> Option<OpenDocument> {
        let open = self.open.get_mut(&of_type).filter(|open| !open.is_empty())?;
        let at = dice.index(open.len());
        let document = open.get_mut(at)?;
        let lump = document.item.lump();
        let part = document.units - if dice.percent(30) { lump } else { 0 };
        if part >= lump && part < document.units {
            document.units -= part;
            return Some(OpenDocument { units: part, ..document.clone() });
        }
        Some(open.swap_remove(at))
    }
}
