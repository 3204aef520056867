//! What a caller asks for.

use super::lifetime::LifetimeRequest;
use crate::object::{EndpointName, ObjectReference};

/// A request for a URL, valid in itself.
#[derive(Debug, Clone)]
pub struct AccessRequest<T> {
    /// The object to read or write.
    pub object: ObjectReference,
    /// By which endpoint; `None` takes the policy's choice.
    pub endpoint: Option<EndpointName>,
    /// For how long.
    pub lifetime: LifetimeRequest,
    /// How to read, or what to write.
    pub terms: T,
}
