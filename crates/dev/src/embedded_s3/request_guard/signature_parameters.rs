//! The rules for the parameters of a signature that the S3 library does not enforce.

use std::collections::HashSet;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use url::form_urlencoded;

use super::Refusal;

/// The longest lifetime of a presigned request, in seconds: seven days
/// ([AWS: query parameters](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html)).
const MAX_EXPIRES: u32 = 604_800;

/// Checks the parameters in query and headers. The library verifies the signature and that no parameter is missing.
pub(super) fn check(query: &str, headers: &HeaderMap, region: Option<&str>) -> Result<(), Refusal> {
    let parameters: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let mut seen = HashSet::new();
    for (name, _) in &parameters {
        if name.starts_with("X-Amz-") && !seen.insert(name) {
            return Err(Refusal::RepeatedParameter);
        }
    }
    let find = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_ref());
    let authorization = headers.get(AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    if find("X-Amz-Algorithm").is_some() && headers.contains_key(AUTHORIZATION) {
        return Err(Refusal::SeveralMechanisms);
    }
    if find("Signature").is_some() || authorization.starts_with(b"AWS ") {
        return Err(Refusal::SignatureVersion2);
    }
    if let Some(expires) = find("X-Amz-Expires")
        && !expires.parse().is_ok_and(|seconds| (1..=MAX_EXPIRES).contains(&seconds))
    {
        return Err(Refusal::ExpiresOutOfRange);
    }
    if find("X-Amz-Credential").is_some_and(|credential| !scope_is_ours(credential, region)) {
        return Err(Refusal::ForeignScopeInQuery);
    }
    if credential_in_header(authorization).is_some_and(|credential| !scope_is_ours(credential, region)) {
        return Err(Refusal::ForeignScopeInHeader);
    }
    Ok(())
}

fn credential_in_header(authorization: &[u8]) -> Option<&str> {
    let (_, rest) = str::from_utf8(authorization).ok()?.split_once("Credential=")?;
    rest.split([',', ' ']).next()
}

/// A credential is `<access key id>/<date>/<region>/s3/aws4_request`.
fn scope_is_ours(credential: &str, region: Option<&str>) -> bool {
    let mut parts = credential.rsplit('/');
    let (end, service, named) = (parts.next(), parts.next(), parts.next());
    end == Some("aws4_request")
        && service == Some("s3")
        && named.is_some_and(|named| region.is_none_or(|region| region == named))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(query: &str) -> Result<(), Refusal> {
        check(query, &HeaderMap::new(), Some("eu-west-1"))
    }

    #[test]
    fn expiry_is_between_a_second_and_a_week() {
        for fine in ["1", "604800"] {
            assert_eq!(verdict(&format!("X-Amz-Expires={fine}")), Ok(()), "{fine}");
        }
        for wrong in ["0", "604801", "-1", "", "1.5", "99999999999999999999", "1 "] {
            let query = format!("X-Amz-Expires={wrong}");
            assert_eq!(verdict(&query), Err(Refusal::ExpiresOutOfRange), "{wrong}");
        }
    }

    #[test]
    fn the_scope_names_our_region_and_service() {
        assert_eq!(verdict("X-Amz-Credential=AKIA%2F20260101%2Feu-west-1%2Fs3%2Faws4_request"), Ok(()));
        for scope in
            ["us-east-1/s3/aws4_request", "eu-west-1/sts/aws4_request", "eu-west-1/s3/x", "/s3/aws4_request", ""]
        {
            let query = format!("X-Amz-Credential=AKIA/20260101/{scope}");
            assert_eq!(verdict(&query), Err(Refusal::ForeignScopeInQuery), "{scope}");
            let mut headers = HeaderMap::new();
            let value = format!("AWS4-HMAC-SHA256 Credential=AKIA/20260101/{scope}, SignedHeaders=host, Signature=0");
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            assert_eq!(check("", &headers, Some("eu-west-1")), Err(Refusal::ForeignScopeInHeader), "{scope}");
        }
        assert_eq!(check("X-Amz-Credential=AKIA/20260101/any/s3/aws4_request", &HeaderMap::new(), None), Ok(()));
    }

    #[test]
    fn a_parameter_of_the_signature_stands_once() {
        for name in ["X-Amz-Date", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Anything"] {
            assert_eq!(verdict(&format!("{name}=1&b=c&{name}=1")), Err(Refusal::RepeatedParameter), "{name}");
            let encoded = name.replace('-', "%2D");
            assert_eq!(verdict(&format!("{name}=1&{encoded}=2")), Err(Refusal::RepeatedParameter), "{encoded}");
        }
        assert_eq!(verdict("x-other=1&x-other=2"), Ok(()));
    }

    #[test]
    fn the_old_version_of_signatures_is_refused() {
        assert_eq!(verdict("AWSAccessKeyId=a&Expires=1&Signature=b"), Err(Refusal::SignatureVersion2));
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, "AWS AKIA:c2ln".parse().unwrap());
        assert_eq!(check("", &headers, None), Err(Refusal::SignatureVersion2));
    }
}
