//! How long does a service ask to wait (`Retry-After`)?

use std::time::{Duration, SystemTime};

/// The wait that a header asks for: seconds, or the time until a date. None where it says neither.
pub(super) fn asked_for(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<f64>() {
        // More than can be counted is a wait too, and not none.
        let most = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        return (seconds.is_finite() && seconds >= 0.0).then(|| most(seconds));
    }
    let until = httpdate::parse_http_date(header).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_wait_is_asked_for_in_seconds_or_with_a_date() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let check = |header: &str, seconds: Option<f64>| {
            assert_eq!(asked_for(header, now), seconds.map(Duration::from_secs_f64), "{header}");
        };
        check("7", Some(7.0));
        check(" 1.5 ", Some(1.5));
        check("Sun, 06 Nov 1994 08:49:40 GMT", Some(3.0));
        check("Mon, 07 Nov 1994 08:49:37 GMT", Some(86_400.0));
        // It may be asked again already.
        check("Sun, 06 Nov 1994 08:49:00 GMT", Some(0.0));
        assert_eq!(asked_for("99999999999999999999", now), Some(Duration::MAX));
        for wrong in [
            "",
            "NaN",
            "-1",
            "inf",
            "soon",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 9223372036854775807 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
        ] {
            check(wrong, None);
        }
    }
}
