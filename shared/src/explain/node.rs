//! The tree of an explanation: each number with its parts and its source.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::Quantity;
use crate::movement::{EventId, OrderLineRef};
use crate::table::RowKey;

/// What a number is. The names are part of the JSON that `explain --json` prints, so scripts may depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeName {
    /// What the network can promise to an online order.
    Network,
    /// The value that a shop has acknowledged for one item at one location.
    Acknowledged,
    /// The call that sent the value to the shop.
    Call,
    /// The difference that must still be sent to the shop.
    Unsent,
    /// The reason why the shop refuses the value.
    Refused,
    /// The part of the supply that the shop cannot derive from its own orders.
    ToPush,
    /// The sum that a shop's available and committed should have.
    Supply,
    /// What can be promised from one place.
    Place,
    /// Units on hand.
    OnHand,
    /// Units that orders have reserved.
    Reserved,
    /// Units that are held and may not be sold.
    Held,
    /// Units of lots that have expired.
    Expired,
    /// Units that kits take.
    KeptForKits,
    /// Units that the POS sold and that the ERP balance still includes.
    PosPending,
    /// Units allocated to other channels.
    Allocated,
    /// Units promised to wholesale customers.
    Wholesale,
    /// Units that were shipped ahead of the shop.
    ShippedAhead,
    /// Units in transit.
    InTransit,
    /// Units that the shop moved by itself.
    MovedByShop,
    /// Units that are kept back as a buffer.
    Buffer,
    /// Units that our orders reserve and the shop does not commit.
    Unclaimed,
    /// One change of a position.
    Movement,
    /// Movements that the number does not include yet.
    NewerMovements,
    /// Units that can be produced or received in time.
    Producible,
    /// Units that orders wait for.
    Waiting,
    /// Units that were promised and cannot be available in time.
    Late,
    /// Further units that can be promised.
    Offered,
    /// What prevents the next unit.
    Bottleneck,
    /// An item in the bills of materials below a finished good.
    Item,
    /// Units of an item that production may use.
    Stock,
    /// A scheduled receipt.
    ScheduledReceipt,
    /// Units that a production run will still take.
    RunRequirement,
    /// Units that go into another item.
    Taken,
    /// Units that are to be produced.
    Production,
    /// The daily capacity of a work centre.
    WorkCentre,
    /// Another finished good that requires the same item.
    Sharer,
}

/// The role of a number in the sum of its parent node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeRole {
    /// The number is added.
    Adds,
    /// The number is subtracted.
    Takes,
    /// The number is information only and is not in the sum.
    Shows,
}

/// Where a number is stored, and what caused it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NodeSource {
    /// The row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The movement of the position, by its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub movement: Option<u64>,
    /// The event that reported it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// The order line it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderLineRef>,
    /// When it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// One number, and the parts it consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainNode {
    /// What the number is.
    pub name: NodeName,
    /// Its role in the sum of the parent node.
    pub role: NodeRole,
    /// A description.
    pub what: String,
    /// The number, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<Quantity>,
    /// The unit of the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// A description of how it is computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formula: Option<String>,
    /// Where it is stored, and what caused it.
    #[serde(skip_serializing_if = "NodeSource::is_nothing")]
    pub source: NodeSource,
    /// Whether the node is on the path to the bottleneck.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub on_bottleneck_path: bool,
    /// The inconsistency, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inconsistency: Option<String>,
    /// When each source behind it was last seen.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub last_seen: BTreeMap<String, Timestamp>,
    /// The parts of the number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<ExplainNode>,
}

impl NodeSource {
    /// The source is a row that was written at this time.
    #[must_use]
    pub fn row(row: &RowKey, at: impl Into<Option<Timestamp>>) -> Self {
        Self { row: Some(row.to_string()), at: at.into(), ..Self::default() }
    }

    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl ExplainNode {
    /// A number that is not in the sum of its parent.
    #[must_use]
    pub fn new(name: NodeName, what: impl Into<String>, number: impl Into<Option<Quantity>>) -> Self {
        let (unit, formula, source, on_bottleneck_path, inconsistency, last_seen, parts) = Default::default();
        let (what, number) = (what.into(), number.into());
        Self {
            name,
            role: NodeRole::Shows,
            what,
            number,
            unit,
            formula,
            source,
            on_bottleneck_path,
            inconsistency,
            last_seen,
            parts,
        }
    }

    /// Sets the role in the sum of the parent.
    #[must_use]
    pub fn part(self, role: NodeRole) -> Self {
        Self { role, ..self }
    }

    /// Sets the description of how the number is computed.
    #[must_use]
    pub fn by(self, formula: impl Into<String>) -> Self {
        Self { formula: Some(formula.into()), ..self }
    }

    /// Sets the source.
    #[must_use]
    pub fn from(self, source: NodeSource) -> Self {
        Self { source, ..self }
    }

    /// Adds parts.
    #[must_use]
    pub fn with(mut self, parts: impl IntoIterator<Item = Self>) -> Self {
        self.parts.extend(parts);
        self
    }

    /// Sets the inconsistency, if there is one.
    #[must_use]
    pub fn with_inconsistency(self, what: Option<String>) -> Self {
        Self { inconsistency: what.or(self.inconsistency), ..self }
    }

    /// Sets the unit of this node and of every node below it that has none.
    #[must_use]
    pub fn in_unit(mut self, unit: &str) -> Self {
        if self.unit.is_none() && self.number.is_some() {
            self.unit = Some(unit.to_owned());
        }
        self.parts = self.parts.into_iter().map(|part| part.in_unit(unit)).collect();
        self
    }

    /// Checks every sum and adds each inconsistency, with its path in the tree, to `found`.
    pub fn check(&mut self, above: &str, found: &mut Vec<String>) {
        let here = if above.is_empty() { self.what.clone() } else { format!("{above} → {}", self.what) };
        let mut sum = None;
        for part in &mut self.parts {
            part.check(&here, found);
            // The sum uses a wider type than a quantity: a damaged row may hold any number, and must not abort the explanation.
            let units = part.number.map_or(0, |number| i128::from(number.units()));
            match part.role {
                NodeRole::Adds => sum = Some(sum.unwrap_or(0) + units),
                NodeRole::Takes => sum = Some(sum.unwrap_or(0) - units),
                NodeRole::Shows => {}
            }
        }
        if let (None, Some(sum), Some(number)) = (&self.inconsistency, sum, self.number)
            && i128::from(number.units()) != sum
        {
            self.inconsistency = Some(format!("its parts add up to {sum}, but its value is {number}"));
        }
        if let Some(inconsistency) = &self.inconsistency {
            found.push(format!("{here}: {inconsistency}"));
        }
    }
}
