//! What a request needs in addition to its signature: the session token, the expected bucket owner, who pays.

use std::time::SystemTime;

use async_trait::async_trait;
use axum::http::{HeaderMap, Method, Uri};
use s3s::access::{S3Access, S3AccessContext};
use s3s::dto::PutObjectInput;
use s3s::{S3Request, S3Result, s3_error};
use url::form_urlencoded;

use super::access_key::AccessKeys;
use super::form_token::FormToken;

/// The conditions under which a request with a valid signature gets access.
#[derive(Debug)]
pub(super) struct AccessRules {
    pub(super) keys: AccessKeys,
    pub(super) owner: Option<String>,
    pub(super) requester_pays: bool,
    pub(super) region: Option<String>,
}

#[async_trait]
impl S3Access for AccessRules {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let form_token = context.extensions_mut().remove::<FormToken>();
        let Some(credentials) = context.credentials() else {
            return Err(s3_error!(AccessDenied, "Signature is required"));
        };
        let (uri, headers) = (context.uri(), context.headers());
        let mut tokens = values(uri, headers, "X-Amz-Security-Token");
        tokens.extend(form_token.map(|FormToken(token)| token));
        self.keys.check_tokens(&credentials.access_key, &tokens, SystemTime::now())?;
        if context.s3_op().name() == "PostObject" {
            return Ok(());
        }
        for owner in headers.get_all("x-amz-expected-bucket-owner") {
            self.check_owner(owner.as_bytes())?;
        }
        self.check_payer(values(uri, headers, "x-amz-request-payer").iter().any(|payer| payer == b"requester"))
    }

    /// A form has in its fields what other requests have in headers. They are known only here.
    async fn put_object(&self, request: &mut S3Request<PutObjectInput>) -> S3Result<()> {
        if request.method != Method::POST {
            return Ok(());
        }
        match (request.region.as_ref().map(s3s::region::Region::as_str), self.region.as_deref()) {
            (None, _) => return Err(s3_error!(InvalidRequest, "Please use AWS4-HMAC-SHA256.")),
            (Some(region), Some(own)) if region != own => {
                return Err(s3_error!(InvalidRequest, "the credential's region is invalid"));
            }
            _ => {}
        }
        let input = &request.input;
        if let Some(owner) = &input.expected_bucket_owner {
            self.check_owner(owner.as_bytes())?;
        }
        self.check_payer(input.request_payer.as_ref().is_some_and(|payer| payer.as_str() == "requester"))
    }
}

impl AccessRules {
    fn check_owner(&self, expected: &[u8]) -> S3Result<()> {
        match &self.owner {
            Some(owner) if owner.as_bytes() != expected => Err(s3_error!(AccessDenied, "Access Denied")),
            _ => Ok(()),
        }
    }

    fn check_payer(&self, requester_agrees: bool) -> S3Result<()> {
        if self.requester_pays && !requester_agrees {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        Ok(())
    }
}

/// The values of a name in a request's query and headers.
fn values(uri: &Uri, headers: &HeaderMap, name: &str) -> Vec<Vec<u8>> {
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let in_query = query.filter(|(parameter, _)| parameter == name).map(|(_, value)| value.into_owned().into_bytes());
    let in_headers = headers.get_all(name).into_iter().map(|value| value.as_bytes().to_vec());
    in_query.chain(in_headers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_counts_wherever_it_stands() {
        let uri = Uri::from_static("/media/x?X-Amz-Security-Token=a%2Bb&x=y&X-Amz-Security-Token=c");
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-security-token", "d".parse().unwrap());
        assert_eq!(values(&uri, &headers, "X-Amz-Security-Token"), [&b"a+b"[..], b"c", b"d"]);
    }
}
