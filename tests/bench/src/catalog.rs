//! Synthetic catalogs to measure: families of finished goods, with bills six levels deep and shared components.
//!
//! A family has a hundred items. Each of its ten finished goods has a filled semi-finished item, a label, a carton, a cap and a
//! bottle of its own. Below them are two bases, each shared by half of the finished goods, six intermediates, twelve premixes,
//! and twenty raw materials that the premixes share, three each. Families are independent, except for clusters of ten and of a
//! hundred families with one common raw material: a change of it affects a hundred or a thousand finished goods at once.

use jiff::civil::date;
use promissory::catalog::{Quantity, Sku};
use promissory::promise::planning::{AllocationPolicy, ComponentUse, Day, GroupItem, Offer, PlanningGroup, Ratio, Recipe, Slot};

/// Number of items of a family.
pub const FAMILY: usize = 100;
/// Number of finished goods of a family.
pub const GOODS: usize = 10;

/// A catalog, and raw materials with known numbers of affected finished goods.
pub struct Catalog {
    /// All items, as one planning group.
    pub group: PlanningGroup,
    /// Raw materials, each with the number of finished goods that a change of it affects.
    pub shared: Vec<(usize, usize)>,
}

/// A catalog with the given number of families.
pub fn catalog(families: usize) -> Catalog {
    let mut group = PlanningGroup::default();
    let mut random = Random(7);
    for family in 0..families {
        add_family(&mut group, family, &mut random);
    }
    let mut shared = vec![(raw(0), GOODS)];
    let mut first = 1;
    for size in [10, 100] {
        // A premix of every other family in the cluster takes the raw material of the first family.
        if first + size <= families {
            for family in first + 1..first + size {
                let premix = group.items[family * FAMILY + PREMIX].recipe.as_mut().expect("a premix is made");
                premix.slots[0].options[0].item = raw(first);
            }
            group.items[raw(first)].stock = Quantity::new(40_000_000);
            shared.push((raw(first), size * GOODS));
            first += size;
        }
    }
    Catalog { group, shared }
}

const SEMI: usize = GOODS;
const OWN: usize = 2 * GOODS;
const BASE: usize = 6 * GOODS;
const INTERMEDIATE: usize = BASE + 2;
const PREMIX: usize = INTERMEDIATE + 6;
const RAW: usize = PREMIX + 12;
const RAWS: usize = FAMILY - RAW;

/// The first raw material of a family.
fn raw(family: usize) -> usize {
    family * FAMILY + RAW
}

fn add_family(group: &mut PlanningGroup, family: usize, random: &mut Random) {
    let begin = family * FAMILY;
    let policy = match family % 10 {
        3 | 7 => AllocationPolicy::FirstCome,
        5 => AllocationPolicy::Priority,
        _ => AllocationPolicy::FairShare,
    };
    let per = |num: u64, den: u64| Ratio::new(num, den).expect("a ratio");
    // In grams. Most raw materials are plentiful. They are scarce in one family of ten, and promises are late in one of a
    // hundred.
    let raws = if family % 100 == 50 {
        5_000
    } else if family % 10 == 3 {
        20_000
    } else {
        300_000
    };
    for place in 0..FAMILY {
        let uses: Vec<(usize, Ratio)> = match place {
            0..SEMI => {
                let own = OWN + 4 * place;
                vec![(SEMI + place, Ratio::ONE), (own, Ratio::ONE), (own + 1, per(1, 12)), (own + 2, Ratio::ONE)]
            }
            SEMI..OWN => vec![(BASE + place % 2, per(30, 1)), (OWN + 4 * (place - SEMI) + 3, per(102, 100))],
            BASE..INTERMEDIATE => (0..3).map(|next| (INTERMEDIATE + 3 * (place - BASE) + next, per(1, 3))).collect(),
            INTERMEDIATE..PREMIX => (0..2).map(|next| (PREMIX + 2 * (place - INTERMEDIATE) + next, per(1, 2))).collect(),
            PREMIX..RAW => (0..3).map(|next| (RAW + (3 * (place - PREMIX) + 5 * next) % RAWS, per(35, 100))).collect(),
            _ => Vec::new(),
        };
        let slots = |(item, per): (usize, Ratio)| Slot {
            from: 0,
            until: Day::MAX,
            options: vec![ComponentUse { item: begin + item, per }],
        };
        let recipe = (!uses.is_empty()).then(|| Recipe {
            yields: if place < BASE { Ratio::ONE } else { per(98, 100) },
            lead: if place < OWN { 1 } else { 2 },
            centre: None,
            slots: uses.into_iter().map(slots).collect(),
        });
        let made = recipe.is_some();
        group.items.push(GroupItem {
            sku: format!("F{family:05}-{place:02}").parse::<Sku>().expect("a SKU"),
            stock: Quantity::new(match place {
                _ if made => random.units(if place < BASE { 20 } else { 2_000 }),
                RAW.. => random.units(raws),
                _ => 200 + random.units(2_000),
            }),
            receipts: match place {
                _ if made => Vec::new(),
                RAW.. => vec![(random.day(12), Quantity::new(random.units(2 * raws)))],
                _ => vec![(random.day(12), Quantity::new(100 + random.units(200)))],
            },
            requirements: if place >= RAW && place % 4 == 0 {
                vec![(random.day(9), Quantity::new(random.units(2_000)))]
            } else {
                Vec::new()
            },
            promised: if place < 3 { vec![(14 + random.day(8), Quantity::new(1 + random.units(30)))] } else { Vec::new() },
            recipe,
            bought_in: None,
            policy,
            offer: (place < GOODS).then(|| Offer { by: 21, priority: 0, since: date(2026, 1, 1) }),
        });
    }
}

/// A pseudo-random generator with a fixed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) % end
    }

    fn units(&mut self, end: u64) -> i64 {
        i64::try_from(self.below(end)).expect("the draw is small")
    }

    fn day(&mut self, end: u64) -> Day {
        Day::try_from(self.below(end)).expect("the draw is small")
    }
}
