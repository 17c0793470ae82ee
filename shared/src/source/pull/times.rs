//! The formats of times in a system. Times without an offset are by the clock of the system, whose time zone is an argument.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::catalog::TimeZone;

/// The formats of times in a system's rows and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// The format in its rows.
    pub read: TimeFormat,
    /// The format in requests. Without it, the format of the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<TimeFormat>,
}

/// A format of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// `2026-11-21T09:30:00Z`, or with another offset.
    Rfc3339,
    /// `2026-11-21 09:30:00` by the system's clock; read with a space or a T, fractions of a second, or the date alone.
    Civil,
    /// The same, written with a T.
    CivilT,
    /// `2026-11-21`: midnight by the system's clock when read, the day when written.
    Date,
    /// `/Date(1700000000000)/` as OData 2 writes dates, by the system's clock; a time such as `PT09H30M00S` may follow.
    /// Written as `2026-11-21T09:30:00`, which is what its filters take.
    Sap,
    /// Milliseconds since 1970.
    EpochMs,
    /// Seconds since 1970.
    EpochSeconds,
}

/// A time as a row has it.
enum ReadTime {
    /// A moment.
    Moment(Timestamp),
    /// A time by the clock of the system.
    Clock(DateTime),
}

impl Times {
    /// Reads the time at which something happened.
    ///
    /// # Errors
    /// When the text does not have the format. The error shows an example.
    pub fn read(&self, text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
        match self.parse(text)? {
            ReadTime::Moment(time) => Ok(time),
            ReadTime::Clock(civil) => zone.moment(civil).ok_or_else(|| format!("{text:?} is out of range")),
        }
    }

    /// Reads the time of a row for the watermark: the earliest moment that it can be, so that no row after it is passed over.
    ///
    /// # Errors
    /// When the text does not have the format. The error shows an example.
    pub fn mark(&self, text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
        match self.parse(text)? {
            ReadTime::Moment(time) => Ok(time),
            ReadTime::Clock(civil) => zone.earliest(civil).ok_or_else(|| format!("{text:?} is out of range")),
        }
    }

    /// Reads a day: a date, or the date of a time by the system's clock.
    ///
    /// # Errors
    /// When the text is neither a date nor a time in the format. The error shows an example.
    pub fn day(&self, text: &str, zone: &TimeZone) -> Result<Date, String> {
        // A longer text is a time: its date is not that of the clock if the text has an offset.
        if let Some(date) = Some(text).filter(|text| text.len() == 10).and_then(|text| text.parse().ok()) {
            return Ok(date);
        }
        Ok(match self.parse(text).map_err(|problem| format!("{problem}, and not a date"))? {
            ReadTime::Moment(time) => zone.day_of(time),
            ReadTime::Clock(civil) => civil.date(),
        })
    }

    fn parse(&self, text: &str) -> Result<ReadTime, String> {
        let moment = |time: Option<Timestamp>| time.map(ReadTime::Moment);
        let number = || text.parse::<i64>().ok();
        let (time, example) = match self.read {
            TimeFormat::Rfc3339 => (moment(text.parse().ok()), "2026-11-21T09:30:00Z"),
            TimeFormat::Civil | TimeFormat::CivilT => (clock(text), "2026-11-21 09:30:00"),
            TimeFormat::Date => (Some(text).filter(|text| text.len() == 10).and_then(clock), "2026-11-21"),
            TimeFormat::Sap => (sap(text), "/Date(1700000000000)/"),
            TimeFormat::EpochMs => (moment(number().and_then(|ms| Timestamp::from_millisecond(ms).ok())), "1700000000000"),
            TimeFormat::EpochSeconds => (moment(number().and_then(|s| Timestamp::from_second(s).ok())), "1700000000"),
        };
        time.ok_or_else(|| format!("{text:?} is not a time like {example}"))
    }

    /// Writes a time for a request that asks for everything since then.
    #[must_use]
    pub fn write(&self, time: Timestamp, zone: &TimeZone) -> String {
        let civil = zone.clock_since(time);
        match self.write.unwrap_or(self.read) {
            TimeFormat::Rfc3339 => time.to_string(),
            TimeFormat::Civil => civil.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            TimeFormat::CivilT | TimeFormat::Sap => civil.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            TimeFormat::Date => civil.strftime("%Y-%m-%d").to_string(),
            TimeFormat::EpochMs => time.as_millisecond().to_string(),
            TimeFormat::EpochSeconds => time.as_second().to_string(),
        }
    }
}

/// A time by the system's clock.
fn clock(text: &str) -> Option<ReadTime> {
    // The text after the date must not contain an offset, because the clock is configured.
    let plain = text.get(10..)?.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | 'T' | ':' | '.'));
    Some(text).filter(|_| plain)?.parse().ok().map(ReadTime::Clock)
}

/// `/Date(milliseconds)/`, with `+0000` before the bracket where the column has an offset, and a time of day or not.
fn sap(text: &str) -> Option<ReadTime> {
    let (date, time) = text.strip_prefix("/Date(")?.split_once(")/")?;
    let sign = |c: char| matches!(c, '+' | '-');
    let unsigned = date.strip_prefix('-').unwrap_or(date);
    let digits = unsigned.split(sign).next()?;
    let milliseconds: i64 = date.get(..date.len() - (unsigned.len() - digits.len()))?.parse().ok()?;
    let midnight = Timestamp::from_millisecond(milliseconds).ok()?;
    if unsigned.len() != digits.len() {
        // With an offset it is a moment, not a date by the system's clock.
        return time.is_empty().then_some(ReadTime::Moment(midnight));
    }
    let civil = Offset::UTC.to_datetime(midnight);
    let passed: jiff::Span = if time.is_empty() { jiff::Span::new() } else { time.parse().ok()? };
    civil.checked_add(passed).ok().map(ReadTime::Clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects watermarks and counts: a time is read with the right offset, and a text in another format is refused.
    #[test]
    fn times_are_read_as_the_system_means_them() {
        let noon = Some("2026-11-21T12:00:00Z");
        for (read, zone, text, expected) in [
            (TimeFormat::Rfc3339, "UTC", "2026-11-21T12:00:00Z", noon),
            (TimeFormat::Rfc3339, "UTC", "2026-11-21T13:00:00+01:00", noon),
            (TimeFormat::Rfc3339, "UTC", "2026-11-21 12:00:00", None),
            (TimeFormat::Civil, "UTC", "2026-11-21 12:00:00", noon),
            (TimeFormat::Civil, "UTC", "2026-11-21T12:00:00", noon),
            (TimeFormat::Civil, "Europe/Berlin", "2026-11-21 13:00:00.000", noon),
            (TimeFormat::Civil, "America/New_York", "2026-11-21 07:00:00", noon),
            (TimeFormat::Civil, "UTC", "2026-11-21", Some("2026-11-21T00:00:00Z")),
            (TimeFormat::Civil, "UTC", "2026-11-21T12:00:00Z", None),
            (TimeFormat::Civil, "UTC", "2026-11-21T13:00:00+01:00", None),
            (TimeFormat::Civil, "UTC", "21.11.2026 12:00", None),
            (TimeFormat::Civil, "UTC", "", None),
            (TimeFormat::Date, "UTC", "2026-11-21", Some("2026-11-21T00:00:00Z")),
            (TimeFormat::Date, "UTC", "2026-11-21 12:00:00", None),
            (TimeFormat::Civil, "Europe/Berlin", "2026-07-21 13:00:00", Some("2026-07-21T11:00:00Z")), // Daylight saving time.
            (TimeFormat::Civil, "Europe/Berlin", "2026-10-25 02:30:00", Some("2026-10-25T00:30:00Z")), // The first of two.
            (TimeFormat::Civil, "Europe/Berlin", "2026-03-29 02:30:00", Some("2026-03-29T01:30:00Z")), // Left out by the clock.
            (TimeFormat::Date, "Europe/Berlin", "2026-11-21", Some("2026-11-20T23:00:00Z")),
            (TimeFormat::Date, "Africa/Cairo", "2026-04-24", Some("2026-04-23T22:00:00Z")), // A day without midnight.
            (TimeFormat::Sap, "UTC", "/Date(1795262400000)/", noon),
            (TimeFormat::Sap, "Europe/Berlin", "/Date(1795219200000)/PT13H00M00S", noon),
            (TimeFormat::Sap, "Europe/Berlin", "/Date(1795262400000+0000)/", noon),
            (TimeFormat::Sap, "UTC", "/Date(-1000)/", Some("1969-12-31T23:59:59Z")),
            (TimeFormat::Sap, "UTC", "/Date(x)/", None),
            (TimeFormat::Sap, "UTC", "1795262400000", None),
            (TimeFormat::EpochMs, "UTC", "1795262400000", noon),
            (TimeFormat::EpochSeconds, "UTC", "1795262400", noon),
            (TimeFormat::EpochMs, "UTC", "1.5", None),
        ] {
            let times = Times { read, write: None };
            let expected = expected.map(|time| time.parse::<Timestamp>().expect("a time"));
            let clock = zone.parse().expect("a time zone");
            assert_eq!(times.read(text, &clock).ok(), expected, "{text:?} as {read:?} in {zone}");
        }
    }

    /// Protects requests: the time in a request is the watermark's time in the system's format.
    #[test]
    fn times_are_written_as_the_system_reads_them() {
        let time: Timestamp = "2026-11-21T23:30:00Z".parse().expect("a time");
        for (write, zone, expected) in [
            (TimeFormat::Rfc3339, "Europe/Berlin", "2026-11-21T23:30:00Z"),
            (TimeFormat::Civil, "UTC", "2026-11-21 23:30:00"),
            (TimeFormat::Civil, "Europe/Berlin", "2026-11-22 00:30:00"),
            (TimeFormat::CivilT, "UTC", "2026-11-21T23:30:00"),
            (TimeFormat::Sap, "UTC", "2026-11-21T23:30:00"),
            (TimeFormat::Date, "Europe/Berlin", "2026-11-22"),
            (TimeFormat::EpochMs, "Europe/Berlin", "1795303800000"),
            (TimeFormat::EpochSeconds, "UTC", "1795303800"),
        ] {
            let times = Times { read: TimeFormat::Rfc3339, write: Some(write) };
            assert_eq!(times.write(time, &zone.parse().expect("a time zone")), expected, "{write:?} in {zone}");
        }
    }

    /// Protects rows that are written while a clock repeats an hour: the request goes back before that hour, and the watermark is
    /// the earliest moment that a row can have.
    #[test]
    fn no_row_is_passed_over_when_the_clock_is_changed() {
        let berlin: TimeZone = "Europe/Berlin".parse().expect("a time zone");
        let times = Times { read: TimeFormat::Civil, write: None };
        for (watermark, written) in [
            ("2026-10-24T23:59:59Z", "2026-10-25 01:59:59"),
            ("2026-10-25T00:30:00Z", "2026-10-25 01:30:00"), // 02:30, the first time
            ("2026-10-25T01:30:00Z", "2026-10-25 01:30:00"), // 02:30, the second time
            ("2026-10-25T02:00:00Z", "2026-10-25 03:00:00"),
            ("2026-03-29T01:00:00Z", "2026-03-29 03:00:00"),
        ] {
            assert_eq!(times.write(watermark.parse().expect("a time"), &berlin), written, "{watermark}");
        }
        for (text, mark) in [("2026-10-25 02:30:00", "2026-10-25T00:30:00Z"), ("2026-03-29 02:30:00", "2026-03-29T00:30:00Z")] {
            assert_eq!(times.mark(text, &berlin), Ok(mark.parse().expect("a time")), "{text}");
        }
    }

    /// Protects due dates: a date stays what it is, and a time has the date of the system's clock.
    #[test]
    fn a_day_is_that_of_the_clock() {
        for (read, zone, text, expected) in [
            (TimeFormat::Rfc3339, "America/Los_Angeles", "2027-05-31", Some("2027-05-31")),
            (TimeFormat::Rfc3339, "America/Los_Angeles", "2027-05-31T02:00:00Z", Some("2027-05-30")),
            (TimeFormat::Rfc3339, "Europe/Berlin", "2027-05-31T22:30:00Z", Some("2027-06-01")),
            (TimeFormat::Rfc3339, "Europe/Berlin", "2027-05-31T22:30:00-02:00", Some("2027-06-01")),
            (TimeFormat::Civil, "Europe/Berlin", "2027-05-31 00:30:00", Some("2027-05-31")),
            (TimeFormat::Civil, "Africa/Cairo", "2026-04-24 00:00:00", Some("2026-04-24")),
            (TimeFormat::Sap, "America/Los_Angeles", "/Date(1811721600000)/", Some("2027-05-31")),
            (TimeFormat::EpochSeconds, "America/Los_Angeles", "1811728800", Some("2027-05-30")),
            (TimeFormat::Rfc3339, "UTC", "later", None),
            (TimeFormat::Rfc3339, "UTC", "2027-05-32", None),
        ] {
            let times = Times { read, write: None };
            let day = times.day(text, &zone.parse().expect("a time zone")).ok().map(|day| day.to_string());
            assert_eq!(day.as_deref(), expected, "{text:?} as {read:?} in {zone}");
        }
    }
}
