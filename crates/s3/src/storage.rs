//! The interface between permits and inspectors.

mod inspector;
mod stored_object;

pub use inspector::{InspectionError, InspectionScope, ObjectInspector};
pub use stored_object::{StoredMetadata, StoredObject};
