//! How is a request to an S3 service signed (AWS Signature Version 4)? Pure: the moment is an argument.

use intramuros_core::calendar::civil_from_days;
use ring::{digest, hmac};

/// SHA-256 of an empty body, in hexadecimal.
pub(crate) const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Who signs, for where.
pub(crate) struct Signer<'a> {
    /// The identifier of the access key.
    pub key: &'a str,
    /// Its secret.
    pub secret: &'a str,
    /// The region.
    pub region: &'a str,
}

/// `20261122T143000Z` for a moment in milliseconds since 1970.
pub(crate) fn moment(now_ms: i64) -> String {
    let seconds = now_ms.div_euclid(1000);
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// A query in the order and form in which it is signed and sent. Names and values are encoded here.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    let mut encoded: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", strict(name), strict(value))).collect();
    encoded.sort();
    encoded.join("&")
}

/// Everything but letters, digits and `-._~` as `%XX`.
fn strict(text: &str) -> String {
    intramuros_core::perimeter::source::encode_path(text).replace('/', "%2F")
}

impl Signer<'_> {
    /// The value of `Authorization` for a `GET` with an empty body. `path` and `query` are encoded as they are sent;
    /// `moment` is that of the header `x-amz-date`, and `x-amz-content-sha256` is [`EMPTY`].
    pub fn authorization(&self, host: &str, path: &str, query: &str, moment: &str) -> String {
        let signed = "host;x-amz-content-sha256;x-amz-date";
        let headers = format!("host:{host}\nx-amz-content-sha256:{EMPTY}\nx-amz-date:{moment}\n");
        let canonical = format!("GET\n{path}\n{query}\n{headers}\n{signed}\n{EMPTY}");
        let day = moment.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let hashed = hexadecimal(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}");
        let first = format!("AWS4{}", self.secret).into_bytes();
        let key = [day, self.region, "s3", "aws4_request"].iter().fold(first, |key, part| sign(&key, part));
        let signature = hexadecimal(&sign(&key, &text));
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}",
            self.key
        )
    }
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_gets_its_published_signature() {
        // "GET Bucket (List Objects)" in the documentation of Amazon S3, signature version 4.
        let signer = Signer {
            key: "AKIAIOSFODNN7EXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
        };
        let query = query(&[("prefix", "J"), ("max-keys", "2")]);
        let value = signer.authorization("examplebucket.s3.amazonaws.com", "/", &query, "20130524T000000Z");
        assert!(
            value.ends_with("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
            "{value}"
        );
    }

    #[test]
    fn moments_and_queries_have_one_form() {
        assert_eq!(moment(1_369_353_600_000), "20130524T000000Z");
        assert_eq!(moment(1_709_251_199_999), "20240229T235959Z");
        assert_eq!(query(&[("b", "a/b c+é"), ("a", "")]), "a=&b=a%2Fb%20c%2B%C3%A9");
    }
}
