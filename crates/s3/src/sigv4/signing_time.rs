//! The start and the lifetime of a signature.

use std::time::{Duration, SystemTime};

use thiserror::Error;
use time::OffsetDateTime;

/// The instant of a signature, in whole seconds of UTC between 1970 and 9999.
///
/// Timestamp and scope date come from this one value, so that they have the same day also around midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigningTime {
    unix_seconds: u64,
    /// `YYYYMMDD'T'HHMMSS'Z'`, in ASCII.
    basic_format: [u8; 16],
}

impl SigningTime {
    /// Rounds an instant down to whole seconds: a signature dated later than now could be refused, and its expiry would
    /// be too late.
    ///
    /// # Errors
    ///
    /// When the instant is before 1970 or after 9999.
    pub fn floor(instant: SystemTime) -> Result<Self, SigningTimeError> {
        let since_epoch = instant.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| SigningTimeError)?;
        let unix_seconds = since_epoch.as_secs();
        let signed_seconds = i64::try_from(unix_seconds).map_err(|_| SigningTimeError)?;
        let utc = OffsetDateTime::from_unix_timestamp(signed_seconds).map_err(|_| SigningTimeError)?;
        let (year, month, day) = utc.to_calendar_date();
        let (hour, minute, second) = utc.to_hms();
        let year = u16::try_from(year).ok().filter(|year| *year <= 9_999).ok_or(SigningTimeError)?;
        let [y1, y2, y3, y4] = [year / 1_000, year / 100, year / 10, year].map(last_digit);
        let [[m1, m2], [d1, d2]] = [u8::from(month), day].map(two_digits);
        let [[h1, h2], [n1, n2], [s1, s2]] = [hour, minute, second].map(two_digits);
        let basic_format = [y1, y2, y3, y4, m1, m2, d1, d2, b'T', h1, h2, n1, n2, s1, s2, b'Z'];
        Ok(Self { unix_seconds, basic_format })
    }

    /// A whole second.
    #[must_use]
    pub fn instant(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.unix_seconds)
    }

    /// Days since 1970-01-01 UTC.
    pub(crate) const fn day(self) -> u64 {
        self.unix_seconds / 86_400
    }

    /// `YYYYMMDDTHHMMSSZ`, the form of `X-Amz-Date` (ISO 8601 basic format).
    pub(crate) const fn date_time(&self) -> &[u8; 16] {
        &self.basic_format
    }

    /// `YYYYMMDD`, the form of the scope date.
    pub(crate) fn date(&self) -> &[u8] {
        self.basic_format.split_at(8).0
    }
}

/// An instant outside the years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the clock must show a year between 1970 and 9999")]
pub struct SigningTimeError;

/// How long a signature works: 1 to 604,800 whole seconds
/// ([AWS: `X-Amz-Expires`](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpiresIn(u32);

impl ExpiresIn {
    /// Seven days, the longest that Signature Version 4 permits.
    pub const MAX: Self = Self(604_800);

    /// Rounds a duration down to whole seconds.
    ///
    /// # Errors
    ///
    /// When the duration is less than one second or more than seven days.
    pub fn floor(duration: Duration) -> Result<Self, ExpiresInError> {
        match u32::try_from(duration.as_secs()) {
            Ok(seconds @ 1..=604_800) => Ok(Self(seconds)),
            _ => Err(ExpiresInError),
        }
    }

    /// Whole seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// The same as a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

/// An invalid lifetime of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a signature's lifetime must be from 1 to 604,800 seconds")]
pub struct ExpiresInError;

const fn two_digits(number: u8) -> [u8; 2] {
    [b'0' + number / 10, b'0' + number % 10]
}

const fn last_digit(number: u16) -> u8 {
    b'0' + (number % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix_seconds: u64) -> SigningTime {
        SigningTime::floor(SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds)).unwrap()
    }

    #[test]
    fn timestamp_is_iso_8601_basic_format() {
        assert_eq!(at(0).date_time(), b"19700101T000000Z");
        assert_eq!(at(1_234_567_891).date_time(), b"20090213T233131Z");
        assert_eq!(at(951_827_696).date_time(), b"20000229T123456Z");
        assert_eq!(at(4_102_444_799).date_time(), b"20991231T235959Z");
    }

    #[test]
    fn date_and_timestamp_name_the_same_day_around_midnight() {
        assert_eq!((at(1_369_353_599).date(), at(1_369_353_599).day()), (&b"20130523"[..], 15_848));
        assert_eq!((at(1_369_353_600).date(), at(1_369_353_600).day()), (&b"20130524"[..], 15_849));
    }

    #[test]
    fn fractions_are_cut_downward() {
        let instant = SystemTime::UNIX_EPOCH + Duration::from_millis(1_999);
        assert_eq!(SigningTime::floor(instant).unwrap().instant(), SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    }

    #[test]
    fn years_that_do_not_fit_are_refused() {
        assert!(SigningTime::floor(SystemTime::UNIX_EPOCH - Duration::from_nanos(1)).is_err());
        assert!(SigningTime::floor(SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799)).is_ok());
        assert!(SigningTime::floor(SystemTime::UNIX_EPOCH + Duration::from_hours(70_389_528)).is_err(), "year 10000");
        assert!(SigningTime::floor(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 62)).is_err());
    }

    #[test]
    fn life_is_one_second_to_seven_days() {
        assert_eq!(ExpiresIn::floor(Duration::from_millis(999)), Err(ExpiresInError));
        assert_eq!(ExpiresIn::floor(Duration::from_millis(1_999)).unwrap().seconds(), 1);
        assert_eq!(ExpiresIn::floor(Duration::from_hours(7 * 24)), Ok(ExpiresIn::MAX));
        assert_eq!(ExpiresIn::floor(Duration::from_secs(604_801)), Err(ExpiresInError));
        assert_eq!(ExpiresIn::floor(Duration::MAX), Err(ExpiresInError));
    }
}
