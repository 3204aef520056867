//! The seam between what may be looked at and what describes it.

mod inspector;
mod stored_object;

pub use inspector::{InspectionError, Look, ObjectInspector};
pub use stored_object::{StoredMetadata, StoredObject};
