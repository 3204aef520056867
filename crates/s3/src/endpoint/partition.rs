//! The partitions of AWS, which share neither accounts nor endpoints.

/// The prefixes of regions of each partition other than `aws`
/// ([AWS: partitions](https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html)).
const REGION_PREFIXES: [(&str, &str); 7] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
];

/// The partition of a region. As in AWS's rules, an unknown region is in `aws`.
pub(super) fn partition_of(region: &str) -> &str {
    let found = REGION_PREFIXES.iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map(|(_, partition)| *partition).or_else(|| pseudo_region(region)).unwrap_or("aws")
}

/// The partition of a pseudo region such as `aws-global`: a name for a whole partition, without hosts.
pub(super) fn pseudo_region(region: &str) -> Option<&str> {
    region.strip_suffix("-global").filter(|partition| partition.starts_with("aws"))
}
