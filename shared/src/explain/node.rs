//! The tree: each number with what it is made of, and where it stands.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::Quantity;
use crate::movement::{EventId, OrderLineRef};
use crate::table::RowKey;

/// What a number is. The names are those of the JSON, and stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeName {
    /// What the network can promise to an online order.
    Network,
    /// What a shop has taken in of one item at one location.
    Told,
    /// A call to the shop that told it.
    Call,
    /// What the shop is still to be told.
    Due,
    /// That the shop refuses to be told.
    Refused,
    /// The part of the supply that a shop cannot know by itself.
    ToPush,
    /// What a shop's available and committed should add up to.
    Supply,
    /// What can be promised from one place.
    Place,
    /// Units there.
    OnHand,
    /// Units that orders have reserved.
    Reserved,
    /// Units that may not be sold.
    Held,
    /// Units that tills sold and the books still have.
    PosPending,
    /// Units set aside for other channels.
    Allocated,
    /// Units promised to wholesale customers.
    Wholesale,
    /// Units that left before the shop said so.
    Ahead,
    /// Units on their way.
    InTransit,
    /// What the shop moved by itself.
    MovedByShop,
    /// Units kept back.
    Buffer,
    /// One change of a position.
    Movement,
    /// Movements that are not in a number yet.
    Behind,
    /// What can still be made, or come, in time.
    Makeable,
    /// Units that orders wait for.
    Waiting,
    /// Units that were promised and cannot be there in time.
    Late,
    /// Units that can be promised beside these.
    Offered,
    /// What stops the next unit.
    Limit,
    /// An item of the bills below a good.
    Item,
    /// Units of an item that may be used.
    Stock,
    /// Units that are announced.
    Paper,
    /// Units that a run will still take.
    Claim,
    /// Units that go into another item.
    Taken,
    /// Units that are to be made.
    Made,
    /// What a work centre can begin.
    Centre,
    /// Another good that needs the same item.
    Sharer,
}

/// What part a number has in the one above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeRole {
    /// It is added.
    Adds,
    /// It is taken away.
    Takes,
    /// It says something more, and is not in the sum.
    Shows,
}

/// Where a number stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NodeSource {
    /// The row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The movement of the position, by its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub movement: Option<u64>,
    /// The event that said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// The order it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderLineRef>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// One number, and what is behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainNode {
    /// What it is.
    pub name: NodeName,
    /// What part it has in the number above.
    pub role: NodeRole,
    /// What it is, in words.
    pub what: String,
    /// The number, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<Quantity>,
    /// What one of it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How it is computed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formula: Option<String>,
    /// Where it stands.
    #[serde(skip_serializing_if = "NodeSource::is_nothing")]
    pub source: NodeSource,
    /// On the way to what stops the next unit.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub limits: bool,
    /// What does not add up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong: Option<String>,
    /// When each source behind it was last heard of.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub last_seen: BTreeMap<String, Timestamp>,
    /// What it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<ExplainNode>,
}

impl NodeSource {
    /// A row, written at this time.
    #[must_use]
    pub fn row(row: &RowKey, at: impl Into<Option<Timestamp>>) -> Self {
        Self { row: Some(row.to_string()), at: at.into(), ..Self::default() }
    }

    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl ExplainNode {
    /// A number that is not in the sum above.
    #[must_use]
    pub fn new(name: NodeName, what: impl Into<String>, number: impl Into<Option<Quantity>>) -> Self {
        let (unit, formula, source, limits, wrong, last_seen, parts) = Default::default();
        let (what, number) = (what.into(), number.into());
        Self { name, role: NodeRole::Shows, what, number, unit, formula, source, limits, wrong, last_seen, parts }
    }

    /// With this part in the number above.
    #[must_use]
    pub fn part(self, role: NodeRole) -> Self {
        Self { role, ..self }
    }

    /// Computed so.
    #[must_use]
    pub fn by(self, formula: impl Into<String>) -> Self {
        Self { formula: Some(formula.into()), ..self }
    }

    /// Standing there.
    #[must_use]
    pub fn from(self, source: NodeSource) -> Self {
        Self { source, ..self }
    }

    /// Made of these as well.
    #[must_use]
    pub fn with(mut self, parts: impl IntoIterator<Item = Self>) -> Self {
        self.parts.extend(parts);
        self
    }

    /// With something that does not add up.
    #[must_use]
    pub fn wrong(self, what: Option<String>) -> Self {
        Self { wrong: what.or(self.wrong), ..self }
    }

    /// This and all below it in this unit, where they have none.
    #[must_use]
    pub fn in_unit(mut self, unit: &str) -> Self {
        if self.unit.is_none() && self.number.is_some() {
            self.unit = Some(unit.to_owned());
        }
        self.parts = self.parts.into_iter().map(|part| part.in_unit(unit)).collect();
        self
    }

    /// Checks every sum, and tells what does not add up, each with the way to it.
    pub fn check(&mut self, above: &str, found: &mut Vec<String>) {
        let here = if above.is_empty() { self.what.clone() } else { format!("{above} → {}", self.what) };
        let mut sum = None;
        for part in &mut self.parts {
            part.check(&here, found);
            // Added up in wider numbers than a quantity has: a damaged row may hold anything, and must not end it.
            let units = part.number.map_or(0, |number| i128::from(number.units()));
            match part.role {
                NodeRole::Adds => sum = Some(sum.unwrap_or(0) + units),
                NodeRole::Takes => sum = Some(sum.unwrap_or(0) - units),
                NodeRole::Shows => {}
            }
        }
        if let (None, Some(sum), Some(number)) = (&self.wrong, sum, self.number)
            && i128::from(number.units()) != sum
        {
            self.wrong = Some(format!("its parts come to {sum}, it says {number}"));
        }
        if let Some(wrong) = &self.wrong {
            found.push(format!("{here}: {wrong}"));
        }
    }
}
