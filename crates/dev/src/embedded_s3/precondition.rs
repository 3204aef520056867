//! `If-Match` and `If-None-Match` of uploads.

use s3s::dto::{ETag, ETagCondition};
use s3s::{S3Result, s3_error};

/// The condition of an upload on the object that it would replace
/// ([AWS: conditional writes](https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html)).
#[derive(Debug, Clone)]
pub(super) struct Precondition {
    must_match: Option<ETagCondition>,
    must_not_exist: bool,
}

impl Precondition {
    /// Takes both headers out of a request, so that `s3s-fs` does not evaluate them.
    pub(super) fn take(
        if_match: &mut Option<ETagCondition>,
        if_none_match: &mut Option<ETagCondition>,
    ) -> S3Result<Self> {
        let must_not_exist = match if_none_match.take() {
            None => false,
            Some(ETagCondition::Any) => true,
            Some(ETagCondition::ETag(_)) => {
                return Err(s3_error!(NotImplemented, "If-None-Match of an upload can only be *"));
            }
        };
        Ok(Self { must_match: if_match.take(), must_not_exist })
    }

    /// Whether the upload has no condition.
    pub(super) const fn demands_nothing(&self) -> bool {
        self.must_match.is_none() && !self.must_not_exist
    }

    /// Checks the condition against the current object.
    pub(super) fn check(&self, current: Option<&ETag>) -> S3Result<()> {
        if self.must_not_exist && current.is_some() {
            return Err(s3_error!(PreconditionFailed, "the object exists"));
        }
        match (&self.must_match, current) {
            (None, _) | (Some(ETagCondition::Any), Some(_)) => Ok(()),
            (Some(_), None) => Err(s3_error!(NoSuchKey)),
            (Some(ETagCondition::ETag(wanted)), Some(current)) if wanted.strong_cmp(current) => Ok(()),
            (Some(_), Some(_)) => Err(s3_error!(PreconditionFailed, "the object has another ETag")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(if_match: Option<&str>, if_none_match: Option<&str>, current: Option<&str>) -> String {
        let condition = |text: Option<&str>| text.map(|text| text.parse::<ETagCondition>().unwrap());
        let (mut if_match, mut if_none_match) = (condition(if_match), condition(if_none_match));
        let current = current.map(|etag| ETag::Strong(etag.to_owned()));
        Precondition::take(&mut if_match, &mut if_none_match)
            .and_then(|precondition| precondition.check(current.as_ref()))
            .map_or_else(|error| error.code().as_str().to_owned(), |()| "fulfilled".to_owned())
    }

    #[test]
    fn conditions_are_judged_as_by_s3() {
        for (if_match, if_none_match, current, expected) in [
            (None, None, None, "fulfilled"),
            (None, None, Some("a"), "fulfilled"),
            (None, Some("*"), None, "fulfilled"),
            (None, Some("*"), Some("a"), "PreconditionFailed"),
            (None, Some("\"a\""), Some("a"), "NotImplemented"),
            (Some("\"a\""), None, Some("a"), "fulfilled"),
            (Some("\"a\""), None, Some("b"), "PreconditionFailed"),
            (Some("W/\"a\""), None, Some("a"), "PreconditionFailed"),
            (Some("\"a\""), None, None, "NoSuchKey"),
            (Some("*"), None, None, "NoSuchKey"),
            (Some("*"), None, Some("a"), "fulfilled"),
            (Some("\"a\""), Some("*"), Some("a"), "PreconditionFailed"),
        ] {
            assert_eq!(verdict(if_match, if_none_match, current), expected, "{if_match:?} {if_none_match:?}");
        }
    }
}
