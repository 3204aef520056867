//! The caller and the decision in a URL's query.

use crate::presign::Attribution;
use crate::sigv4::{QueryName, QueryParameter};

/// The parameters of a URL that name its caller and decision.
pub(super) fn attribution_query(attribution: &Attribution) -> [QueryParameter; 2] {
    [
        QueryParameter::new(QueryName::Caller, &attribution.caller_id),
        QueryParameter::new(QueryName::Decision, &attribution.decision_id),
    ]
}
