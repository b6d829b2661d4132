//! When is that, in seconds since 1970?

/// Seconds since 1970 of a moment written as RFC 3339; none when it is written in another way.
pub fn seconds(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

/// A moment as RFC 3339, to the second, in universal time.
pub fn text(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_write_moments_in_several_ways() {
        let check =
            |written: &str, expected: Option<i64>| assert_eq!(seconds(written), expected, "{written}");
        check("1970-01-01T00:01:00Z", Some(60));
        check("1970-01-01T01:01:00+01:00", Some(60));
        check("1970-01-01T00:01:00.123456789Z", Some(60));
        check("yesterday", None);
        assert_eq!(text(60), "1970-01-01T00:01:00Z");
    }
}
