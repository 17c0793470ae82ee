//! Runs each fuzz target on its kept corpus and on edits of it, bounded by a number of iterations.

use bolero::{ValueGenerator, check, produce};
use promissory_fuzz::{
    Edit, FEEDS, Sample, catalog_sheet, connector_answer, edited, exact_number, lines_of_events, samples, source_events,
    webhook_body,
};

/// A choice of a kept input, another choice that the target explains, and up to 6 edits.
fn edits() -> impl ValueGenerator<Output = (u16, u16, Vec<Edit>)> {
    (produce::<u16>(), produce::<u16>(), produce::<Vec<Edit>>().with().len(0..=6_usize))
}

/// The kept input of a choice.
fn chosen(samples: &[Sample], choice: u16) -> &Sample {
    &samples[usize::from(choice) % samples.len()]
}

/// Protects the ledger from webhook bodies: every body under every topic is read exactly or refused.
#[test]
fn webhook_bodies() {
    let samples = samples("webhooks");
    for sample in &samples {
        (0..64).for_each(|topic| webhook_body(topic, &sample.bytes));
    }
    check!().with_iterations(10_000).with_generator(edits()).for_each(|(sample, topic, edits)| {
        webhook_body(usize::from(*topic), &edited(&chosen(&samples, *sample).bytes, edits));
    });
}

/// Protects the ledger from events of other systems: each is read exactly, or refused by the name of a field.
#[test]
fn stock_events() {
    let samples = samples("events");
    samples.iter().for_each(|sample| source_events(&sample.bytes));
    check!().with_iterations(10_000).with_generator(edits()).for_each(|(sample, _, edits)| {
        source_events(&edited(&chosen(&samples, *sample).bytes, edits));
    });
}

/// Protects amounts: an accepted number is exactly the number that was sent.
#[test]
fn numbers() {
    let number = (produce::<i64>(), produce::<u8>(), produce::<i8>(), produce::<u8>());
    check!().with_iterations(40_000).with_generator(number).for_each(|(digits, places, exponent, form)| {
        let places = usize::from(*places % 24);
        let digits = digits >> (u32::from(*form) % 60);
        let plain = format!("{:0>width$}", digits.unsigned_abs(), width = places + 1);
        let (whole, fraction) = plain.split_at(plain.len() - places);
        let sign = if digits < 0 { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        let power = if *form % 3 == 0 { format!("e{exponent}") } else { String::new() };
        let number = format!("{sign}{whole}{point}{fraction}{power}");
        exact_number(&number);
        exact_number(&format!("\"{number}\""));
    });
}

/// Protects the catalog from sheets: what is imported is exported as it is, and a mistake is named by its place.
#[test]
fn sheets() {
    let samples = samples("sheets");
    // Of several files of a sheet, the first is the plain one; the last of this list is used.
    let others: Vec<(&str, &[u8])> = samples.iter().rev().map(|sample| (sample.name.as_str(), sample.bytes.as_slice())).collect();
    samples.iter().for_each(|sample| catalog_sheet(&sample.name, &sample.bytes, &others));
    check!().with_iterations(300).with_generator(edits()).for_each(|(sample, _, edits)| {
        let sample = chosen(&samples, *sample);
        catalog_sheet(&sample.name, &edited(&sample.bytes, edits), &others);
    });
}

/// Protects the ledger from files of events: each line has one outcome, and a file that is fed again changes nothing.
#[test]
fn lines() {
    let samples = samples("lines");
    samples.iter().for_each(|sample| lines_of_events(&sample.bytes));
    check!().with_iterations(1_500).with_generator(edits()).for_each(|(sample, _, edits)| {
        lines_of_events(&edited(&chosen(&samples, *sample).bytes, edits));
    });
}

/// Protects the ledger from answers of other systems: each row is applied once, or fails with a reason.
#[test]
fn connector_answers() {
    let samples = samples("answers");
    let feed = |sample: &Sample| {
        let of_it = |(file, _, feed): &(&str, &str, &str)| format!("{file}.{feed}") == sample.name;
        FEEDS.iter().position(of_it).unwrap_or_else(|| panic!("{} is the name of a feed", sample.name))
    };
    for sample in &samples {
        connector_answer(feed(sample), &sample.bytes);
        (0..FEEDS.len()).for_each(|other| connector_answer(other, &sample.bytes));
    }
    check!().with_iterations(1_500).with_generator(edits()).for_each(|(sample, other, edits)| {
        let sample = chosen(&samples, *sample);
        // One answer in eight is that of another feed.
        let feed = if *other % 8 == 0 { usize::from(*other) / 8 } else { feed(sample) };
        connector_answer(feed, &edited(&sample.bytes, edits));
    });
}
