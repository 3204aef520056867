//! Reads a policy file.

mod compile;
mod losses;
mod quota;
mod upload_place;
mod warnings;

pub use compile::{Policy, PolicyContext, TierOutline};
pub use losses::{Loss, losses};
pub(crate) use quota::read_quota;
pub(crate) use upload_place::UploadPlace;
pub use warnings::{CallerOutlook, looks_like_path};
