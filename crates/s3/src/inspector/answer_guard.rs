//! Makes invalid answers of a server readable, and limits their size.
//!
//! The holder of an upload URL can store content headers that are not signed. The SDK refuses a whole answer because of
//! one invalid header: such an object could not be verified, and a retry would not help.

use std::collections::BTreeMap;
use std::mem;

use aws_sdk_s3::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use http_body_util::Limited;

/// The largest body, in bytes. Ten tags of the largest size need less than half of it.
const MAX_BODY_BYTES: usize = 64 * 1_024;

/// The headers of an answer that are read as text.
const TEXTS: [&str; 26] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "date",
    "etag",
    "expires",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-md5",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-checksum-type",
    "x-amz-id-2",
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-request-id",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
    "x-amz-version-id",
    "x-amz-website-redirect-location",
    "x-amz-bucket-region",
    "x-amz-server-side-encryption-customer-algorithm",
];

/// Makes answers readable, and stops reading one that is too long.
#[derive(Debug)]
pub(super) struct AnswerGuard;

impl Intercept for AnswerGuard {
    fn name(&self) -> &'static str {
        "AnswerGuard"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response_mut();
        if answer.status().is_success() {
            let readable = readable(answer.headers().iter_bytes());
            let names: Vec<String> = answer.headers().iter_bytes().map(|(name, _)| name.to_owned()).collect();
            for name in names {
                answer.headers_mut().remove(name);
            }
            for (name, value) in readable {
                // An invalid header value is dropped, like other unreadable values.
                let _replaced = answer.headers_mut().try_insert(name, value);
            }
        }
        let body = mem::replace(answer.body_mut(), SdkBody::taken());
        *answer.body_mut() = SdkBody::from_body_1_x(Limited::new(body, MAX_BODY_BYTES));
        Ok(())
    }

    /// Refuses answers that the SDK would read as tags by mistake: a truncated document, in which tags would be
    /// missing; and the object itself, which servers without tags return (rclone), so that its uploader could forge its
    /// tags. An answer with tags has no `ETag` and no date of the object ([AWS:
    /// `GetObjectTagging`](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html)).
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        let body = answer.body().bytes().unwrap_or_default().trim_ascii_end();
        if !answer.status().is_success() || body.is_empty() {
            return Ok(());
        }
        let is_object = ["etag", "last-modified"].iter().any(|name| answer.headers().contains_key(*name));
        if is_object || !body.ends_with(b"Tagging>") {
            return Err("the answer is no document of tags".into());
        }
        Ok(())
    }
}

/// The headers that are read, each once: repeated values are joined (RFC 9110 section 5.3), and invalid UTF-8 becomes
/// U+FFFD. Invalid numbers, flags and dates are dropped.
fn readable<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> BTreeMap<String, String> {
    let mut readable: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let (name, value) = (name.to_ascii_lowercase(), String::from_utf8_lossy(value));
        let joined = readable.entry(name).or_default();
        if !joined.is_empty() {
            joined.push_str(", ");
        }
        joined.push_str(&value);
    }
    // Any value other than zero means that some metadata is missing, also an unreadable one.
    if let Some(missing) = readable.get_mut("x-amz-missing-meta")
        && missing.parse::<i32>().is_err()
    {
        "1".clone_into(missing);
    }
    readable.retain(|name, value| match name.as_str() {
        "content-length" => value.parse::<i64>().is_ok(),
        "last-modified" => httpdate::parse_http_date(value).is_ok(),
        "x-amz-server-side-encryption-bucket-key-enabled" => matches!(value.as_str(), "true" | "false"),
        name => TEXTS.contains(&name) || name == "x-amz-missing-meta" || name.starts_with("x-amz-meta-"),
    });
    readable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &[u8])]) -> Vec<(String, String)> {
        readable(headers.iter().copied()).into_iter().collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn headers_come_apart_and_are_read_as_one() {
        let headers: [(&str, &[u8]); 4] = [
            ("Cache-Control", b"no-store"),
            ("x-amz-meta-A", b"1"),
            ("cache-control", b"public"),
            ("x-amz-meta-a", b"2"),
        ];
        assert_eq!(read(&headers), pairs(&[("cache-control", "no-store, public"), ("x-amz-meta-a", "1, 2")]));
    }

    #[test]
    fn bytes_that_are_no_text_are_marked() {
        let headers: [(&str, &[u8]); 2] = [("content-disposition", b"a\xFFb"), ("x-amz-meta-a", "é".as_bytes())];
        assert_eq!(read(&headers), pairs(&[("content-disposition", "a\u{FFFD}b"), ("x-amz-meta-a", "é")]));
    }

    #[test]
    fn what_must_be_a_number_a_flag_or_a_date_and_is_not_is_left_out() {
        for (name, good, bad) in [
            ("content-length", "5", "five"),
            ("last-modified", "Fri, 24 May 2030 00:00:00 GMT", "yesterday"),
            ("x-amz-server-side-encryption-bucket-key-enabled", "true", "yes"),
        ] {
            assert_eq!(read(&[(name, good.as_bytes())]), pairs(&[(name, good)]));
            assert_eq!(read(&[(name, bad.as_bytes())]), []);
            assert_eq!(read(&[(name, good.as_bytes()), (name, good.as_bytes())]), [], "{name} twice");
        }
        assert_eq!(read(&[("x-amz-object-lock-retain-until-date", b"never"), ("x-amz-restore", b"\xFF")]), []);
    }

    #[test]
    fn metadata_is_missing_unless_a_number_says_that_it_is_not() {
        let missing = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| ("x-amz-missing-meta", value.as_bytes())).collect();
            read(&headers)
        };
        for (values, expected) in [
            (&["0"][..], "0"),
            (&["7"], "7"),
            (&["some"], "1"),
            (&["99999999999"], "1"),
            (&["0", "0"], "1"),
            (&[""], "1"),
        ] {
            assert_eq!(missing(values), pairs(&[("x-amz-missing-meta", expected)]), "{values:?}");
        }
        assert_eq!(missing(&[]), []);
    }
}
