//! The longest life that a policy gives to URLs of a bucket.

use std::time::Duration;

use super::operation::Operation;
use super::policy::Policy;
use crate::object::BucketName;

impl Policy {
    /// The largest `max_ttl` of all tiers of a bucket for one operation, for any caller. `None`: no tier of the bucket offers
    /// the operation, so no such URL is issued for it.
    #[must_use]
    pub fn longest_ttl(&self, bucket: &BucketName, operation: Operation) -> Option<Duration> {
        let lifetimes = self.buckets.get(bucket)?.tree.tiers().filter_map(|tier| match operation {
            Operation::Download => tier.download.as_ref().map(|download| download.lifetime),
            Operation::Upload => tier.upload.as_ref().map(|upload| upload.lifetime),
        });
        lifetimes.map(|lifetime| lifetime.max_ttl).max()
    }
}
