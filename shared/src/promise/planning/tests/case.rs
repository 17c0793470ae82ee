//! Small random planning groups from a seed: plain numbers for the brute force, and the same as a [`PlanningGroup`].

use jiff::civil::date;

use crate::catalog::Quantity;
use crate::promise::planning::{
    AllocationPolicy, ComponentUse, Day, GroupItem, GroupWorkCentre, Offer, PlanningGroup, Ratio, Recipe, Slot,
};

/// A small planning group in plain numbers. Components have higher indices than their parents.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) parts: Vec<Part>,
    pub(super) centres: Vec<i64>,
    /// Item, day, rank by priority, rank by arrival.
    pub(super) finished_goods: Vec<(usize, usize, u32, u32)>,
}

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) stock: i64,
    pub(super) receipts: Vec<(usize, i64)>,
    pub(super) requirements: Vec<(usize, i64)>,
    pub(super) promised: Vec<(usize, i64)>,
    pub(super) recipe: Option<Made>,
    pub(super) policy: AllocationPolicy,
}

#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) yields: (i64, i64),
    pub(super) lead: usize,
    pub(super) centre: Option<usize>,
    pub(super) slots: Vec<CaseSlot>,
}

#[derive(Debug, Clone)]
pub(super) struct CaseSlot {
    pub(super) from: usize,
    pub(super) until: usize,
    /// Item, and units per start as a fraction.
    pub(super) options: Vec<(usize, i64, i64)>,
}

/// What a case may have in addition to components, stock, scheduled receipts and lead times.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CaseOptions {
    pub(super) finished_goods: usize,
    pub(super) shared_centres: bool,
    pub(super) alternates: bool,
    pub(super) windows: bool,
    /// Whether finished goods are often short already.
    pub(super) short: bool,
    pub(super) policies: &'static [AllocationPolicy],
}

impl Part {
    /// Units available by a day, before any requirement.
    pub(super) fn available(&self, day: usize) -> i64 {
        let sum = |of: &[(usize, i64)]| of.iter().filter(|(on, _)| *on <= day).map(|(_, units)| units).sum::<i64>();
        self.stock + sum(&self.receipts) - sum(&self.requirements)
    }
}

impl Case {
    pub(super) fn last_day(&self) -> usize {
        let days = |part: &Part| part.receipts.iter().chain(&part.requirements).chain(&part.promised).map(|(day, _)| *day).max();
        self.parts.iter().filter_map(days).chain(self.finished_goods.iter().map(|good| good.1)).max().unwrap_or(0)
    }

    pub(super) fn promised(&self) -> Vec<(usize, usize, i64)> {
        let of =
            |(item, part): (usize, &Part)| -> Vec<_> { part.promised.iter().map(|&(day, units)| (item, day, units)).collect() };
        self.parts.iter().enumerate().flat_map(of).collect()
    }

    /// The case as lines of text, so that a failed case can be kept as a row of a table.
    pub(super) fn lines(&self) -> String {
        let by_day = |name: &str, of: &[(usize, i64)]| -> String {
            let pairs: Vec<String> = of.iter().map(|(day, units)| format!("{day}:{units}")).collect();
            if pairs.is_empty() { String::new() } else { format!(" {name}={}", pairs.join(",")) }
        };
        let slot = |slot: &CaseSlot| {
            let options: Vec<String> = slot.options.iter().map(|(item, num, den)| format!("I{item}*{num}/{den}")).collect();
            let days = if slot.until == usize::MAX { String::new() } else { format!("@{}..{}", slot.from, slot.until) };
            format!("{}{days}", options.join("|"))
        };
        let made = |made: &Made| {
            let slots: Vec<String> = made.slots.iter().map(slot).collect();
            let centre = made.centre.map_or_else(String::new, |centre| format!(" at=C{centre}({})", self.centres[centre]));
            format!(" lead={} yield={}/{}{centre} of={}", made.lead, made.yields.0, made.yields.1, slots.join("+"))
        };
        let part = |(index, part): (usize, &Part)| {
            let offer = self.finished_goods.iter().find(|good| good.0 == index);
            let offer = offer.map(|(_, by, prio, since)| format!(" offer={by} prio={prio} since={}", since + 1));
            let recipe = part.recipe.as_ref().map(made).unwrap_or_default();
            let days = [("in", &part.receipts), ("run", &part.requirements), ("promised", &part.promised)];
            let days: String = days.iter().map(|(name, of)| by_day(name, of)).collect();
            format!("I{index} stock={}{days}{recipe}{} policy={:?}\n", part.stock, offer.unwrap_or_default(), part.policy)
        };
        self.parts.iter().enumerate().map(part).collect()
    }

    /// The case as a planning group.
    pub(super) fn group(&self) -> PlanningGroup {
        let ratio = |num: i64, den: i64| Ratio::new(num.unsigned_abs(), den.unsigned_abs()).expect("a ratio");
        let day = |day: usize| Day::try_from(day).unwrap_or(Day::MAX);
        let by_day = |of: &[(usize, i64)]| of.iter().map(|&(on, units)| (day(on), Quantity::new(units))).collect();
        let item = |(index, part): (usize, &Part)| GroupItem {
            sku: format!("I{index}").parse().expect("a SKU"),
            stock: Quantity::new(part.stock),
            receipts: by_day(&part.receipts),
            requirements: by_day(&part.requirements),
            promised: by_day(&part.promised),
            recipe: part.recipe.as_ref().map(|made| Recipe {
                yields: ratio(made.yields.0, made.yields.1),
                lead: day(made.lead),
                centre: made.centre,
                slots: made
                    .slots
                    .iter()
                    .map(|slot| Slot {
                        from: day(slot.from),
                        until: day(slot.until),
                        options: slot
                            .options
                            .iter()
                            .map(|&(item, num, den)| ComponentUse { item, per: ratio(num, den) })
                            .collect(),
                    })
                    .collect(),
            }),
            bought_in: None,
            policy: part.policy,
            offer: self.finished_goods.iter().find(|good| good.0 == index).map(|&(_, by, priority, since)| Offer {
                by: day(by),
                priority,
                since: date(2026, 1, 1).saturating_add(jiff::Span::new().days(since)),
            }),
        };
        let centre =
            |(index, per_day): (usize, &i64)| GroupWorkCentre { code: format!("C{index}"), per_day: Quantity::new(*per_day) };
        PlanningGroup {
            items: self.parts.iter().enumerate().map(item).collect(),
            centres: self.centres.iter().enumerate().map(centre).collect(),
        }
    }
}

/// Random numbers, the same for the same seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).expect("small")).expect("small")
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn units(&mut self, end: usize) -> i64 {
        i64::try_from(self.below(end)).expect("small")
    }

    /// A small planning group: two to four produced items, two or three others, four days.
    pub(super) fn case(&mut self, config: CaseOptions) -> Case {
        let made = config.finished_goods.max(1) + self.below(3);
        let count = made + 2 + self.below(2);
        let mut centres = Vec::new();
        if config.shared_centres {
            centres.push(1 + self.units(3));
        }
        let mut parts = Vec::new();
        for index in 0..count {
            let recipe = (index < made).then(|| self.made(index, made, count, config, &mut centres));
            let stock = match recipe {
                Some(_) if config.short => self.pick(&[0, 0, 1, -1, -2, -4]),
                Some(_) => self.pick(&[0, 0, 0, 1, 2, -1]),
                None => self.units(6) - i64::from(self.one_in(6)),
            };
            let mut by_day = |chance: usize, most: usize| -> Vec<(usize, i64)> {
                if self.one_in(chance) { vec![(self.below(4), 1 + self.units(most))] } else { Vec::new() }
            };
            let receipts = if recipe.is_some() { by_day(6, 2) } else { by_day(2, 4) };
            let requirements = by_day(8, 2);
            let promised = if index < made { by_day(4, 2) } else { by_day(12, 2) };
            let policy = if config.policies.is_empty() { AllocationPolicy::FirstCome } else { self.pick(config.policies) };
            parts.push(Part { stock, receipts, requirements, promised, recipe, policy });
        }
        let rank = |chance: &mut Self| u32::try_from(chance.below(3)).expect("small");
        let finished_goods = (0..config.finished_goods).map(|good| (good, self.below(4), rank(self), rank(self))).collect();
        Case { parts, centres, finished_goods }
    }

    fn made(&mut self, index: usize, made: usize, count: usize, config: CaseOptions, centres: &mut Vec<i64>) -> Made {
        let centre = match self.below(4) {
            0 if config.shared_centres => Some(0),
            1 => {
                centres.push(1 + self.units(3));
                Some(centres.len() - 1)
            }
            _ => None,
        };
        // Finished goods are not components of each other.
        let first = (index + 1).max(config.finished_goods.max(1));
        let mut slots = Vec::new();
        for _ in 0..1 + self.below(3) {
            let from =
                if first < made && self.one_in(2) { first + self.below(made - first) } else { made + self.below(count - made) };
            let (num, den) = self.pick(&[(1, 1), (1, 1), (1, 1), (2, 1), (2, 1), (3, 2), (4, 3), (1, 2)]);
            let mut options = vec![(from, num, den)];
            if config.alternates && self.one_in(2) {
                let other = first + self.below(count - first);
                if other != from {
                    options.push((other, self.pick(&[1, 1, 2]), 1));
                }
            }
            let (from, until) =
                if config.windows && self.one_in(3) { (self.below(3), 2 + self.below(3)) } else { (0, usize::MAX) };
            slots.push(CaseSlot { from, until, options });
        }
        Made {
            yields: self.pick(&[(1, 1), (1, 1), (1, 1), (1, 2), (2, 3), (3, 4)]),
            lead: self.pick(&[0, 0, 1, 1, 2]),
            centre,
            slots,
        }
    }
}
