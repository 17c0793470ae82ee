//! The target for amounts: what is accepted is exactly the number that was sent.

use promissory::catalog::{Amount, Quantity};
use promissory::source::exact_json;

/// Reads the JSON value `text` as an amount, as `source-intake` does, and compares it with the digits that were sent.
///
/// # Panics
/// If an accepted amount is another number, does not print and parse to itself, or is out of range.
pub fn exact_number(text: &str) {
    let Ok(document) = exact_json(text.as_bytes()) else { return };
    let read = Amount::from_json(&document);
    assert_eq!(read, Amount::from_json(&exact_json(text.as_bytes()).expect("it was JSON")), "{text}");
    let Ok(amount) = read else { return };
    let sent = text.trim().trim_matches('"').trim();
    assert_eq!(digits(&amount.to_string()), digits(sent), "{text} became {amount}");
    assert_eq!(amount.to_string().parse(), Ok(amount), "{text}");
    let bound = Amount::of(Quantity::new(Quantity::MAX_INPUT));
    assert!(amount <= bound && amount.negated() <= bound, "{text} is out of range");
}

/// The sign, the digits without outer zeros, and the power of ten of the last digit: the same for every spelling of a number.
/// This reading shares no code with that of the product.
fn digits(number: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent: i64 = exponent.trim_start_matches('+').parse().expect("an accepted number has a small exponent");
    let unsigned = mantissa.trim_start_matches(['-', '+']);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all: String = [whole, fraction].concat().chars().filter(|c| *c != '_').collect();
    let short = all.trim_end_matches('0');
    let power = exponent - i64::try_from(fraction.len()).expect("short") + i64::try_from(all.len() - short.len()).expect("short");
    let short = short.trim_start_matches('0');
    if short.is_empty() { (false, String::new(), 0) } else { (mantissa.starts_with('-'), short.to_owned(), power) }
}
