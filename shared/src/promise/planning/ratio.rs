//! Exact ratios of whole numbers, and their products with whole units.

use rust_decimal::Decimal;

use crate::catalog::Quantity;

/// More units than any real quantity. Results are capped here, so that long bills with large numbers stay exact where it matters:
/// real stock is far below, so a demand of this size is always short.
pub(super) const FULL: i64 = 1 << 60;

/// A ratio above zero, exact and reduced: 3/2 units per unit, 97/100 of the units that are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    num: u64,
    den: u64,
}

impl Ratio {
    /// One to one.
    pub const ONE: Self = Self { num: 1, den: 1 };

    /// `num / den`; `None` unless both are above zero.
    #[must_use]
    pub fn new(num: u64, den: u64) -> Option<Self> {
        if num == 0 || den == 0 {
            return None;
        }
        let divisor = u64::try_from(common(num.into(), den.into())).ok()?;
        Some(Self { num: num / divisor, den: den / divisor })
    }

    /// An exact decimal; `None` unless it is above zero and its digits fit.
    #[must_use]
    pub fn from_decimal(number: Decimal) -> Option<Self> {
        let number = number.normalize();
        let num = u128::try_from(number.mantissa()).ok()?;
        reduced(num, 10_u128.checked_pow(number.scale())?)
    }

    /// This times the other; `None` when that no longer fits.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        reduced(u128::from(self.num) * u128::from(other.num), u128::from(self.den) * u128::from(other.den))
    }

    /// This divided by the other; `None` when that no longer fits.
    #[must_use]
    pub fn over(self, other: Self) -> Option<Self> {
        self.times(Self { num: other.den, den: other.num })
    }

    /// Units times the ratio, rounded up: the component units that this number of starts takes.
    #[must_use]
    pub fn of(self, units: Quantity) -> Quantity {
        Quantity::new(self.of_up(units.units()))
    }

    /// Units divided by the ratio, rounded up: the starts that produce at least this number of good units.
    #[must_use]
    pub fn starts_for(self, units: Quantity) -> Quantity {
        Quantity::new(self.per_up(units.units()))
    }

    /// Whether the ratio is at most one, as a yield must be.
    #[must_use]
    pub const fn is_at_most_one(self) -> bool {
        self.num <= self.den
    }

    /// Whether the ratio is a whole number.
    pub(super) const fn is_whole(self) -> bool {
        self.den == 1
    }

    /// One to one.
    pub(super) const fn is_one(self) -> bool {
        self.num == 1 && self.den == 1
    }

    /// Units times the ratio, rounded up.
    #[inline]
    pub(super) fn of_up(self, units: i64) -> i64 {
        if self.is_one() { units } else { up(units, self.num, self.den) }
    }

    /// Units divided by the ratio, rounded up.
    #[inline]
    pub(super) fn per_up(self, units: i64) -> i64 {
        if self.is_one() { units } else { up(units, self.den, self.num) }
    }

    /// Units times the ratio, rounded down.
    #[inline]
    pub(super) fn of_down(self, units: i64) -> i64 {
        down(units, self.num, self.den)
    }

    /// Units divided by the ratio, rounded down.
    #[inline]
    pub(super) fn per_down(self, units: i64) -> i64 {
        down(units, self.den, self.num)
    }
}

fn reduced(num: u128, den: u128) -> Option<Ratio> {
    if num == 0 || den == 0 {
        return None;
    }
    let divisor = common(num, den);
    Some(Ratio { num: u64::try_from(num / divisor).ok()?, den: u64::try_from(den / divisor).ok()? })
}

/// The greatest common divisor of two numbers above zero.
fn common(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[inline]
fn up(units: i64, num: u64, den: u64) -> i64 {
    let units = units.max(0).unsigned_abs();
    match units.checked_mul(num) {
        Some(product) if den == 1 => cut(product.into()),
        Some(product) => cut(product.div_ceil(den).into()),
        None => cut((u128::from(units) * u128::from(num)).div_ceil(den.into())),
    }
}

#[inline]
fn down(units: i64, num: u64, den: u64) -> i64 {
    let units = units.max(0).unsigned_abs();
    match units.checked_mul(num) {
        Some(product) => cut((product / den).into()),
        None => cut(u128::from(units) * u128::from(num) / u128::from(den)),
    }
}

#[inline]
fn cut(units: u128) -> i64 {
    i64::try_from(units).map_or(FULL, |units| units.min(FULL))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects amounts from being rounded the wrong way, and from overflow.
    #[test]
    fn ratios_are_exact() {
        let ratio = |num, den| Ratio::new(num, den).expect("a ratio");
        assert_eq!(ratio(6, 4), ratio(3, 2));
        for (num, den) in [(0, 1), (1, 0), (0, 0)] {
            assert_eq!(Ratio::new(num, den), None, "{num}/{den}");
        }
        for (units, num, den, of_up, of_down, per_up, per_down) in [
            (0, 3, 2, 0, 0, 0, 0),
            (1, 3, 2, 2, 1, 1, 0),
            (5, 3, 2, 8, 7, 4, 3),
            (7, 1, 1, 7, 7, 7, 7),
            (7, 9, 10, 7, 6, 8, 7),
            (-4, 3, 1, 0, 0, 0, 0),
            (FULL, 3, 1, FULL, FULL, FULL / 3 + 1, FULL / 3),
            (FULL, u64::MAX, 2, FULL, FULL, 1, 0),
        ] {
            let r = ratio(num, den);
            let got = (r.of_up(units), r.of_down(units), r.per_up(units), r.per_down(units));
            assert_eq!(got, (of_up, of_down, per_up, per_down), "{units} by {num}/{den}");
        }
        for (text, expect) in
            [("1.50", Some((3, 2))), ("0.000001", Some((1, 1_000_000))), ("12", Some((12, 1))), ("0", None), ("-1", None)]
        {
            let number = Decimal::from_str_exact(text).expect("a decimal");
            assert_eq!(Ratio::from_decimal(number), expect.and_then(|(num, den)| Ratio::new(num, den)), "{text}");
        }
        assert_eq!(ratio(3, 2).times(ratio(4, 3)), Ratio::new(2, 1));
        assert_eq!(ratio(3, 2).over(ratio(3, 4)), Ratio::new(2, 1));
        assert_eq!(ratio(u64::MAX, 1).times(ratio(u64::MAX, 1)), None);
    }
}
