//! Reads the environment of a function. A missing variable stops the function at its start, and the message names it.

/// Reads a variable that must be set.
///
/// # Panics
/// When it is not set, because the function cannot work without it.
#[must_use]
pub fn required(name: &str) -> String {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value,
        Ok(_) | Err(_) => {
            panic!("the environment variable {name} is not set; template.yaml sets it for every function that needs it")
        }
    }
}

/// Reads and parses a variable that must be set.
///
/// # Panics
/// When it is not set or cannot be read.
#[must_use]
pub fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str) -> T {
    required(name).parse().unwrap_or_else(|error| panic!("the environment variable {name} cannot be used: {error}"))
}

/// Reads a number of hours that must be set; `None` for 0.
///
/// # Panics
/// When it is not set or is not a whole number.
#[must_use]
pub fn hours(name: &str) -> Option<std::time::Duration> {
    let hours: u32 = parsed(name);
    (hours > 0).then(|| std::time::Duration::from_secs(u64::from(hours) * 3_600))
}

/// When a function must stop: two seconds before Lambda stops it, so that it can still report what it did.
#[must_use]
pub fn deadline(lambda: &std::time::SystemTime) -> jiff::Timestamp {
    let margin = std::time::Duration::from_secs(2);
    jiff::Timestamp::try_from(*lambda).map_or(jiff::Timestamp::MAX, |end| end.checked_sub(margin).unwrap_or(end))
}
