//! Signed query parameters.

use std::borrow::Cow;

use crate::sigv4::encoding::encoded_query;
use access_broker_policy::ResponseOverride;

/// The query parameters of URLs, in addition to those of the signature. The set is closed, so that no parameter can be
/// mistaken for a part of the signature.
///
/// # Invariant
///
/// Each name consists of letters and hyphens and starts with a lower-case letter: it needs no encoding, and is sorted
/// after the signature's parameters, which start with `X`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryName {
    /// `x-access-broker-caller`: a pseudonym of the caller, for S3's log.
    Caller,
    /// `x-access-broker-decision`: the decision's id, for S3's log.
    Decision,
    /// `x-amz-request-payer`: the requester pays.
    RequestPayer,
    /// `x-id`: the operation's name, which AWS's SDKs send for logs and proxies.
    OperationId,
    /// `versionId`: one version of the object.
    VersionId,
    /// `response-…`: a header of the answer.
    Response(ResponseOverride),
}

impl QueryName {
    /// The name in the URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "x-access-broker-caller",
            Self::Decision => "x-access-broker-decision",
            Self::RequestPayer => "x-amz-request-payer",
            Self::OperationId => "x-id",
            Self::VersionId => "versionId",
            Self::Response(header) => header.query_name(),
        }
    }
}

/// A query parameter, its value encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryParameter {
    name: QueryName,
    encoded_value: Cow<'static, str>,
}

impl QueryParameter {
    /// `x-id=GetObject`
    pub const GET_OBJECT: Self = Self { name: QueryName::OperationId, encoded_value: Cow::Borrowed("GetObject") };
    /// `x-id=PutObject`
    pub(crate) const PUT_OBJECT: Self =
        Self { name: QueryName::OperationId, encoded_value: Cow::Borrowed("PutObject") };

    /// `x-amz-request-payer=requester`
    /// ([AWS: requester pays](https://docs.aws.amazon.com/AmazonS3/latest/userguide/ObjectsinRequesterPaysBuckets.html)).
    pub(crate) const REQUESTER_PAYS: Self =
        Self { name: QueryName::RequestPayer, encoded_value: Cow::Borrowed("requester") };

    /// Takes a value that is not encoded.
    #[must_use]
    pub fn new(name: QueryName, value: &str) -> Self {
        Self { name, encoded_value: Cow::Owned(encoded_query(value)) }
    }

    /// The key for sorting.
    #[must_use]
    pub const fn name(&self) -> QueryName {
        self.name
    }

    /// The length in a URL, including the `&`.
    pub(crate) fn len(&self) -> usize {
        self.name.as_str().len() + self.encoded_value.len() + 2
    }

    pub(crate) fn push_to(&self, out: &mut String) {
        out.push_str(self.name.as_str());
        out.push('=');
        out.push_str(&self.encoded_value);
    }

    fn sort_key(&self) -> (&str, &str) {
        (self.name.as_str(), &self.encoded_value)
    }
}

/// Appends `&name=value` for each parameter in canonical order: by name, then by value, both encoded.
pub(crate) fn push_canonical(out: &mut String, parameters: &[QueryParameter]) {
    let mut push = |parameter: &QueryParameter| {
        out.push('&');
        parameter.push_to(out);
    };
    if parameters.is_sorted_by_key(QueryParameter::sort_key) {
        parameters.iter().for_each(push);
    } else {
        let mut sorted: Vec<&QueryParameter> = parameters.iter().collect();
        sorted.sort_unstable_by_key(|parameter| parameter.sort_key());
        sorted.into_iter().for_each(&mut push);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [QueryName; 11] = [
        QueryName::Caller,
        QueryName::Decision,
        QueryName::RequestPayer,
        QueryName::OperationId,
        QueryName::VersionId,
        QueryName::Response(ResponseOverride::CacheControl),
        QueryName::Response(ResponseOverride::ContentDisposition),
        QueryName::Response(ResponseOverride::ContentEncoding),
        QueryName::Response(ResponseOverride::ContentLanguage),
        QueryName::Response(ResponseOverride::ContentType),
        QueryName::Response(ResponseOverride::Expires),
    ];

    #[test]
    fn names_need_no_encoding_and_sort_behind_the_signatures() {
        for name in NAMES {
            assert_eq!(encoded_query(name.as_str()), name.as_str());
            assert!(
                name.as_str() > "X-Amz-SignedHeaders" && name.as_str().starts_with(|c: char| c.is_ascii_lowercase())
            );
        }
    }

    #[test]
    fn canonical_order_does_not_depend_on_the_order_given() {
        let mut parameters = NAMES.map(|name| QueryParameter::new(name, "a b"));
        let mut forward = String::new();
        push_canonical(&mut forward, &parameters);
        parameters.reverse();
        let mut backward = String::new();
        push_canonical(&mut backward, &parameters);
        assert_eq!(forward, backward);
        assert!(forward.ends_with(
            "&response-expires=a%20b&versionId=a%20b&x-access-broker-caller=a%20b&x-access-broker-decision=a%20b\
             &x-amz-request-payer=a%20b&x-id=a%20b"
        ));
    }
}
