//! The formats of times in a system.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// The formats of times in a system's rows and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// The format in its rows.
    pub read: TimeFormat,
    /// The format in requests. Without it, the format of the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<TimeFormat>,
    /// How many minutes the system's clock is ahead of UTC, for times without an offset. A clock with daylight saving time has
    /// no constant offset: configure such a system to send UTC.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset_minutes: i32,
}

fn is_zero(minutes: &i32) -> bool {
    *minutes == 0
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

impl Times {
    /// Minutes by which a clock can differ from UTC.
    const MAX_OFFSET: i32 = 14 * 60;

    /// Whether the offset is possible.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        self.offset_minutes.abs() <= Self::MAX_OFFSET
    }

    fn offset(&self) -> Option<Offset> {
        Offset::from_seconds(self.offset_minutes.checked_mul(60)?).ok()
    }

    /// Reads a time of a row.
    ///
    /// # Errors
    /// When the text does not have the format. The error shows an example.
    pub fn read(&self, text: &str) -> Result<Timestamp, String> {
        let (time, example) = match self.read {
            TimeFormat::Rfc3339 => (text.parse().ok(), "2026-11-21T09:30:00Z"),
            TimeFormat::Civil | TimeFormat::CivilT => (self.civil(text), "2026-11-21 09:30:00"),
            TimeFormat::Date => (Some(text).filter(|text| text.len() == 10).and_then(|text| self.civil(text)), "2026-11-21"),
            TimeFormat::Sap => (self.sap(text), "/Date(1700000000000)/"),
            TimeFormat::EpochMs => (text.parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()), "1700000000000"),
            TimeFormat::EpochSeconds => (text.parse().ok().and_then(|s| Timestamp::from_second(s).ok()), "1700000000"),
        };
        time.ok_or_else(|| format!("{text:?} is not a time like {example}"))
    }

    /// Writes a time for a request.
    #[must_use]
    pub fn write(&self, time: Timestamp) -> String {
        let civil = self.offset().unwrap_or(Offset::UTC).to_datetime(time);
        match self.write.unwrap_or(self.read) {
            TimeFormat::Rfc3339 => time.to_string(),
            TimeFormat::Civil => civil.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            TimeFormat::CivilT | TimeFormat::Sap => civil.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            TimeFormat::Date => civil.strftime("%Y-%m-%d").to_string(),
            TimeFormat::EpochMs => time.as_millisecond().to_string(),
            TimeFormat::EpochSeconds => time.as_second().to_string(),
        }
    }

    /// A time by the system's clock.
    fn civil(&self, text: &str) -> Option<Timestamp> {
        // The text after the date must not contain an offset, because the offset is configured.
        let plain = text.get(10..)?.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | 'T' | ':' | '.'));
        let civil: DateTime = Some(text).filter(|_| plain)?.parse().ok()?;
        self.offset()?.to_timestamp(civil).ok()
    }

    /// `/Date(milliseconds)/`, with `+0000` before the bracket where the column has an offset, and a time of day or not.
    fn sap(&self, text: &str) -> Option<Timestamp> {
        let (date, time) = text.strip_prefix("/Date(")?.split_once(")/")?;
        let sign = |c: char| matches!(c, '+' | '-');
        let unsigned = date.strip_prefix('-').unwrap_or(date);
        let digits = unsigned.split(sign).next()?;
        let milliseconds: i64 = date.get(..date.len() - (unsigned.len() - digits.len()))?.parse().ok()?;
        let midnight = Timestamp::from_millisecond(milliseconds).ok()?;
        if unsigned.len() != digits.len() {
            return time.is_empty().then_some(midnight); // With an offset it is a moment, not a date by the system's clock.
        }
        let civil = Offset::UTC.to_datetime(midnight);
        let passed: jiff::Span = if time.is_empty() { jiff::Span::new() } else { time.parse().ok()? };
        self.offset()?.to_timestamp(civil.checked_add(passed).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects watermarks and counts: a time is read with the right offset, and a text in another format is refused.
    #[test]
    fn times_are_read_as_the_system_means_them() {
        let noon = Some("2026-11-21T12:00:00Z");
        for (read, offset_minutes, text, expected) in [
            (TimeFormat::Rfc3339, 0, "2026-11-21T12:00:00Z", noon),
            (TimeFormat::Rfc3339, 0, "2026-11-21T13:00:00+01:00", noon),
            (TimeFormat::Rfc3339, 0, "2026-11-21 12:00:00", None),
            (TimeFormat::Civil, 0, "2026-11-21 12:00:00", noon),
            (TimeFormat::Civil, 0, "2026-11-21T12:00:00", noon),
            (TimeFormat::Civil, 60, "2026-11-21 13:00:00.000", noon),
            (TimeFormat::Civil, -300, "2026-11-21 07:00:00", noon),
            (TimeFormat::Civil, 0, "2026-11-21", Some("2026-11-21T00:00:00Z")),
            (TimeFormat::Civil, 0, "2026-11-21T12:00:00Z", None),
            (TimeFormat::Civil, 0, "2026-11-21T13:00:00+01:00", None),
            (TimeFormat::Civil, 0, "21.11.2026 12:00", None),
            (TimeFormat::Civil, 0, "", None),
            (TimeFormat::Date, 0, "2026-11-21", Some("2026-11-21T00:00:00Z")),
            (TimeFormat::Date, 0, "2026-11-21 12:00:00", None),
            (TimeFormat::Sap, 0, "/Date(1795262400000)/", noon),
            (TimeFormat::Sap, 60, "/Date(1795219200000)/PT13H00M00S", noon),
            (TimeFormat::Sap, 60, "/Date(1795262400000+0000)/", noon),
            (TimeFormat::Sap, 0, "/Date(-1000)/", Some("1969-12-31T23:59:59Z")),
            (TimeFormat::Sap, 0, "/Date(x)/", None),
            (TimeFormat::Sap, 0, "1795262400000", None),
            (TimeFormat::EpochMs, 0, "1795262400000", noon),
            (TimeFormat::EpochSeconds, 0, "1795262400", noon),
            (TimeFormat::EpochMs, 0, "1.5", None),
        ] {
            let times = Times { read, write: None, offset_minutes };
            let expected = expected.map(|time| time.parse::<Timestamp>().expect("a time"));
            assert_eq!(times.read(text).ok(), expected, "{text:?} as {read:?} at {offset_minutes}");
        }
    }

    /// Protects requests: the time in a request is the watermark's time in the system's format.
    #[test]
    fn times_are_written_as_the_system_reads_them() {
        let time: Timestamp = "2026-11-21T23:30:00Z".parse().expect("a time");
        for (write, offset_minutes, expected) in [
            (TimeFormat::Rfc3339, 60, "2026-11-21T23:30:00Z"),
            (TimeFormat::Civil, 0, "2026-11-21 23:30:00"),
            (TimeFormat::Civil, 60, "2026-11-22 00:30:00"),
            (TimeFormat::CivilT, 0, "2026-11-21T23:30:00"),
            (TimeFormat::Sap, 0, "2026-11-21T23:30:00"),
            (TimeFormat::Date, 60, "2026-11-22"),
            (TimeFormat::EpochMs, 60, "1795303800000"),
            (TimeFormat::EpochSeconds, 0, "1795303800"),
        ] {
            let times = Times { read: TimeFormat::Rfc3339, write: Some(write), offset_minutes };
            assert_eq!(times.write(time), expected, "{write:?} at {offset_minutes}");
        }
    }
}
