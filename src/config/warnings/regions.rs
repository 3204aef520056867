//! The regions of AWS.

use access_broker_base::document;

/// The regions of every partition, as in the partition data of botocore 1.43.11.
const REGIONS: [&str; 46] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-isoe-west-1",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "us-isof-east-1",
    "us-isof-south-1",
    "us-west-1",
    "us-west-2",
];

/// Names that stand for a whole partition.
const WHOLE_PARTITIONS: [&str; 8] = [
    "aws-global",
    "aws-cn-global",
    "aws-us-gov-global",
    "aws-iso-global",
    "aws-iso-b-global",
    "aws-iso-e-global",
    "aws-iso-f-global",
    "aws-eusc-global",
];

/// Whether AWS has this region. `aws-global` and the like stand for a whole partition.
pub(super) fn is_known(region: &str) -> bool {
    WHOLE_PARTITIONS.contains(&region) || REGIONS.contains(&region)
}

/// The region with the most similar name, if it is similar enough.
pub(super) fn nearest(region: &str) -> Option<&'static str> {
    document::nearest(region, REGIONS)
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::BucketLocationConstraint;

    use super::*;

    #[test]
    fn the_sdk_has_no_region_that_the_list_lacks() {
        // EU is the old name of eu-west-1.
        let values = BucketLocationConstraint::values().iter().filter(|region| **region != "EU");
        let missing: Vec<_> = values.filter(|region| !is_known(region)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(REGIONS.is_sorted());
    }

    #[test]
    fn a_misspelt_region_has_a_suggestion() {
        assert_eq!(nearest("eu-centrl-1"), Some("eu-central-1"));
        assert_eq!(nearest("us-eats-1"), Some("us-east-1"));
        assert_eq!(nearest("eu-central1"), Some("eu-central-1"));
        assert_eq!(nearest("default"), None);
        assert!(
            is_known("aws-global")
                && is_known("us-gov-west-1")
                && !is_known("aws-evil-global")
                && !is_known("eu-centrl-1")
        );
    }
}
