//! The seam between what may be inspected and what describes it.

mod inspector;
mod stored_object;

pub use inspector::{InspectionError, InspectionScope, ObjectInspector};
pub use stored_object::{StoredMetadata, StoredObject};
