//! All combinations of settings, in three partitions.

use super::*;

const REGIONS: [&str; 3] = ["us-west-2", "cn-north-1", "us-gov-west-1"];

/// The options. `dotted` is a bucket whose name has a dot.
const OPTIONS: [&str; 6] = ["accelerate", "dual-stack", "fips", "endpoint", "access-point", "dotted"];

/// Settings from a region and words: of [`OPTIONS`], and `path` or `virtual-host`.
fn settings(region: &str, words: &str) -> EndpointSettings {
    let words: Vec<&str> = words.split_whitespace().collect();
    let has = |word: &str| words.contains(&word);
    assert!(words.iter().all(|word| OPTIONS.contains(word) || ["path", "virtual-host"].contains(word)), "{words:?}");
    let partition = partition::partition_of(region);
    let addressing = match (has("path"), has("virtual-host")) {
        (false, false) => Addressing::Automatic,
        (true, _) => Addressing::Path,
        (false, true) => Addressing::VirtualHost,
    };
    EndpointSettings {
        endpoint: has("endpoint").then(|| "https://s3.example.com".parse().unwrap()),
        addressing,
        dual_stack: has("dual-stack"),
        fips: has("fips"),
        accelerate: has("accelerate"),
        access_point: has("access-point")
            .then(|| format!("arn:{partition}:s3:{region}:111122223333:accesspoint/readers")),
        ..aws_settings(if has("dotted") { "my.media" } else { "media" }, region)
    }
}

/// Every set of words, with every addressing.
fn every_combination() -> impl Iterator<Item = String> {
    (0..1_u32 << OPTIONS.len()).flat_map(|bits| {
        let words = OPTIONS.iter().enumerate().filter(move |(index, _)| bits >> index & 1 == 1).map(|(_, word)| *word);
        let words = words.collect::<Vec<_>>().join(" ");
        ["", " path", " virtual-host"].map(|addressing| format!("{words}{addressing}"))
    })
}

/// The combinations that are possible, by partition. `aws-cn` has no FIPS endpoints; only `aws` accelerates.
const RESOLVED: [(&str, [Option<&str>; 3]); 22] = [
    (
        "",
        [
            Some("https://media.s3.us-west-2.amazonaws.com"),
            Some("https://media.s3.cn-north-1.amazonaws.com.cn"),
            Some("https://media.s3.us-gov-west-1.amazonaws.com"),
        ],
    ),
    (
        "path",
        [
            Some("https://s3.us-west-2.amazonaws.com/media"),
            Some("https://s3.cn-north-1.amazonaws.com.cn/media"),
            Some("https://s3.us-gov-west-1.amazonaws.com/media"),
        ],
    ),
    (
        "dotted",
        [
            Some("https://s3.us-west-2.amazonaws.com/my.media"),
            Some("https://s3.cn-north-1.amazonaws.com.cn/my.media"),
            Some("https://s3.us-gov-west-1.amazonaws.com/my.media"),
        ],
    ),
    (
        "dual-stack",
        [
            Some("https://media.s3.dualstack.us-west-2.amazonaws.com"),
            Some("https://media.s3.dualstack.cn-north-1.amazonaws.com.cn"),
            Some("https://media.s3.dualstack.us-gov-west-1.amazonaws.com"),
        ],
    ),
    (
        "dual-stack path",
        [
            Some("https://s3.dualstack.us-west-2.amazonaws.com/media"),
            Some("https://s3.dualstack.cn-north-1.amazonaws.com.cn/media"),
            Some("https://s3.dualstack.us-gov-west-1.amazonaws.com/media"),
        ],
    ),
    (
        "dual-stack dotted",
        [
            Some("https://s3.dualstack.us-west-2.amazonaws.com/my.media"),
            Some("https://s3.dualstack.cn-north-1.amazonaws.com.cn/my.media"),
            Some("https://s3.dualstack.us-gov-west-1.amazonaws.com/my.media"),
        ],
    ),
    (
        "fips",
        [
            Some("https://media.s3-fips.us-west-2.amazonaws.com"),
            None,
            Some("https://media.s3-fips.us-gov-west-1.amazonaws.com"),
        ],
    ),
    (
        "fips path",
        [
            Some("https://s3-fips.us-west-2.amazonaws.com/media"),
            None,
            Some("https://s3-fips.us-gov-west-1.amazonaws.com/media"),
        ],
    ),
    (
        "fips dotted",
        [
            Some("https://s3-fips.us-west-2.amazonaws.com/my.media"),
            None,
            Some("https://s3-fips.us-gov-west-1.amazonaws.com/my.media"),
        ],
    ),
    (
        "dual-stack fips",
        [
            Some("https://media.s3-fips.dualstack.us-west-2.amazonaws.com"),
            None,
            Some("https://media.s3-fips.dualstack.us-gov-west-1.amazonaws.com"),
        ],
    ),
    (
        "dual-stack fips path",
        [
            Some("https://s3-fips.dualstack.us-west-2.amazonaws.com/media"),
            None,
            Some("https://s3-fips.dualstack.us-gov-west-1.amazonaws.com/media"),
        ],
    ),
    (
        "dual-stack fips dotted",
        [
            Some("https://s3-fips.dualstack.us-west-2.amazonaws.com/my.media"),
            None,
            Some("https://s3-fips.dualstack.us-gov-west-1.amazonaws.com/my.media"),
        ],
    ),
    ("accelerate", [Some("https://media.s3-accelerate.amazonaws.com"), None, None]),
    ("accelerate dual-stack", [Some("https://media.s3-accelerate.dualstack.amazonaws.com"), None, None]),
    ("endpoint", [Some("https://s3.example.com/media"); 3]),
    ("endpoint virtual-host", [Some("https://media.s3.example.com"); 3]),
    ("endpoint dotted", [Some("https://s3.example.com/my.media"); 3]),
    ("endpoint access-point", [Some("https://readers-111122223333.s3.example.com"); 3]),
    (
        "access-point",
        [
            Some("https://readers-111122223333.s3-accesspoint.us-west-2.amazonaws.com"),
            Some("https://readers-111122223333.s3-accesspoint.cn-north-1.amazonaws.com.cn"),
            Some("https://readers-111122223333.s3-accesspoint.us-gov-west-1.amazonaws.com"),
        ],
    ),
    (
        "dual-stack access-point",
        [
            Some("https://readers-111122223333.s3-accesspoint.dualstack.us-west-2.amazonaws.com"),
            Some("https://readers-111122223333.s3-accesspoint.dualstack.cn-north-1.amazonaws.com.cn"),
            Some("https://readers-111122223333.s3-accesspoint.dualstack.us-gov-west-1.amazonaws.com"),
        ],
    ),
    (
        "fips access-point",
        [
            Some("https://readers-111122223333.s3-accesspoint-fips.us-west-2.amazonaws.com"),
            None,
            Some("https://readers-111122223333.s3-accesspoint-fips.us-gov-west-1.amazonaws.com"),
        ],
    ),
    (
        "dual-stack fips access-point",
        [
            Some("https://readers-111122223333.s3-accesspoint-fips.dualstack.us-west-2.amazonaws.com"),
            None,
            Some("https://readers-111122223333.s3-accesspoint-fips.dualstack.us-gov-west-1.amazonaws.com"),
        ],
    ),
];

/// The combinations that no partition has, and their errors. Each combination that contains one of them is refused as
/// well.
const REFUSED: [(&str, EndpointError); 10] = [
    ("dual-stack endpoint", EndpointError::DualStackWithEndpoint),
    ("fips endpoint", EndpointError::FipsWithEndpoint),
    ("accelerate endpoint", EndpointError::AccelerateWithEndpoint),
    ("accelerate access-point", EndpointError::AccessPointWithAccelerate),
    ("access-point path", EndpointError::AccessPointWithPath),
    ("accelerate path", EndpointError::AccelerateWithPath),
    ("accelerate fips", EndpointError::AccelerateWithFips),
    ("accelerate dotted", EndpointError::AccelerateDottedBucket),
    ("dotted virtual-host", EndpointError::VirtualHostImpossible),
    ("endpoint dotted virtual-host", EndpointError::VirtualHostImpossible),
];

#[tokio::test]
async fn possible_combinations_are_where_the_sdk_has_them() {
    for (words, by_partition) in RESOLVED {
        for (region, expected) in REGIONS.into_iter().zip(by_partition) {
            let settings = settings(region, words);
            match expected {
                Some(url) => {
                    assert_eq!(resolved_as_in_the_sdk(&settings).await, format!("{region} {url}"), "{words}");
                }
                None if settings.accelerate => assert_eq!(error(&settings), EndpointError::AccelerateRegion),
                None => assert!(matches!(error(&settings), EndpointError::Refused(_)), "{region} {words}"),
            }
        }
    }
}

#[test]
fn impossible_combinations_are_refused_by_their_own_rule() {
    for (words, expected) in REFUSED {
        for region in REGIONS {
            assert_eq!(error(&settings(region, words)), expected, "{region} {words}");
        }
    }
}

/// Whether a set of words contains another one. An access point replaces the bucket, so its dots do not matter.
fn holds(words: &str, pair: &str) -> bool {
    let words: Vec<&str> = words.split_whitespace().collect();
    let dots_count = !words.contains(&"access-point") || !pair.contains("dotted");
    dots_count && pair.split_whitespace().all(|word| words.contains(&word))
}

#[tokio::test]
async fn every_combination_is_either_refused_or_the_same_as_in_the_sdk() {
    let mut resolved = 0;
    for region in REGIONS {
        for words in every_combination() {
            let settings = settings(region, &words);
            let no_fips = settings.fips && region == "cn-north-1";
            let no_accelerate = settings.accelerate && region != "us-west-2";
            if no_fips || no_accelerate || REFUSED.iter().any(|(pair, _)| holds(&words, pair)) {
                // Only partitions without FIPS are left to AWS's rules.
                let in_words_of_aws = matches!(error(&settings), EndpointError::Refused(_));
                assert!(no_fips || !in_words_of_aws, "{region} {words}");
                assert_ne!(error(&settings), EndpointError::Unresolved, "{region} {words}");
            } else {
                resolved_as_in_the_sdk(&settings).await;
                resolved += 1;
            }
        }
    }
    assert!(resolved >= 100, "{resolved}");
}

#[test]
fn pseudo_regions_do_not_accelerate() {
    for region in ["aws-global", "aws-cn-global", "aws-us-gov-global"] {
        assert_eq!(error(&settings(region, "accelerate")), EndpointError::AccelerateRegion, "{region}");
        assert_eq!(error(&settings(region, "access-point")), EndpointError::AccessPointRegion, "{region}");
    }
}
