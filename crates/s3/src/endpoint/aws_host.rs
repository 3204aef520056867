//! Recognises the hosts of S3 at AWS. The same domains have hosts of AWS's customers: instances, load balancers, API
//! gateways, and services behind VPC endpoints.

use url::Url;

/// The domains of AWS's partitions, as far as AWS documents them
/// ([AWS: S3 endpoints](https://docs.aws.amazon.com/general/latest/gr/s3.html)).
const DOMAINS: [&str; 3] = ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"];

/// The labels before the region in the name of a public host.
const SERVICES: [&str; 4] = ["s3", "s3-fips", "s3-accesspoint", "s3-accesspoint-fips"];

/// Whether the URL is that of a host of S3, at the default port.
pub(super) fn is_s3(url: &Url) -> bool {
    let host = url.domain().unwrap_or_default().trim_end_matches('.');
    let name = DOMAINS.iter().find_map(|domain| host.strip_suffix(domain)?.strip_suffix('.'));
    let labels: Vec<&str> = name.unwrap_or_default().split('.').collect();
    // At an alias of Object Lambda, a function of the customer answers.
    let is_lambda = labels.iter().any(|label| label.ends_with("--ol-s3"));
    url.port().is_none() && !is_lambda && (is_vpc_endpoint(&labels) || is_public(&labels))
}

/// `bucket.vpce-ID.s3.REGION.vpce` and `accesspoint.vpce-ID.s3.REGION.vpce`, with or without a name before. The
/// endpoint of a customer's service is `vpce-ID.vpce-svc-ID.REGION.vpce`.
fn is_vpc_endpoint(labels: &[&str]) -> bool {
    matches!(labels, [.., "bucket" | "accesspoint", id, "s3", region, "vpce"] if id.starts_with("vpce-") && is_region(region))
}

/// `s3.REGION`, `s3.dualstack.REGION`, the same for FIPS and access points, Transfer Acceleration, and the old hosts
/// without a region in their names; with or without a bucket before.
fn is_public(labels: &[&str]) -> bool {
    match labels {
        [.., service, "dualstack", region] => SERVICES.contains(service) && is_region(region),
        [.., "s3-accelerate", "dualstack"] | [.., "s3-accelerate" | "s3" | "s3-external-1"] => true,
        [.., service, region] if SERVICES.contains(service) => is_region(region),
        [.., last] => last.strip_prefix("s3-").is_some_and(is_region),
        [] => false,
    }
}

/// Whether a label has the format of a region: `eu-central-1`, `us-gov-west-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let [area, words @ .., number] = parts.as_slice() else { return false };
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_area = (2..=4).contains(&area.len()) && is_word(area);
    is_area
        && !words.is_empty()
        && words.iter().all(|word| is_word(word))
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && !number.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_s3_at(host: &str) -> bool {
        is_s3(&Url::parse(&format!("https://{host}")).unwrap())
    }

    #[test]
    fn hosts_of_s3_are_known_in_every_form() {
        for host in [
            "s3.eu-central-1.amazonaws.com",
            "S3.EU-Central-1.AmazonAWS.com",
            "s3.eu-central-1.amazonaws.com.",
            "s3.eu-central-1.amazonaws.com:443",
            "media.s3.eu-central-1.amazonaws.com",
            "a.b.s3.us-gov-west-1.amazonaws.com",
            "s3.dualstack.eu-west-1.amazonaws.com",
            "s3-fips.us-east-1.amazonaws.com",
            "s3-fips.dualstack.us-east-1.amazonaws.com",
            "s3-accelerate.amazonaws.com",
            "media.s3-accelerate.dualstack.amazonaws.com",
            "s3.amazonaws.com",
            "media.s3.amazonaws.com",
            "s3-eu-west-1.amazonaws.com",
            "s3-us-gov-west-1.amazonaws.com",
            "readers-111122223333.s3-accesspoint.eu-central-1.amazonaws.com",
            "s3.cn-north-1.amazonaws.com.cn",
            "s3.eusc-de-east-1.amazonaws.eu",
            "bucket.vpce-1a2b3c4d-5e6f.s3.eu-central-1.vpce.amazonaws.com",
            "media.bucket.vpce-1a2b3c4d-5e6f.s3.eu-central-1.vpce.amazonaws.com",
            "accesspoint.vpce-1a2b3c4d-5e6f.s3.eu-central-1.vpce.amazonaws.com",
        ] {
            assert!(is_s3_at(host), "{host}");
        }
    }

    #[test]
    fn hosts_of_customers_and_strangers_are_not_s3() {
        for host in [
            "ec2-203-0-113-25.compute-1.amazonaws.com",
            "ec2-203-0-113-25.eu-west-1.compute.amazonaws.com",
            "ec2-52-80-1-1.cn-north-1.compute.amazonaws.com.cn",
            "s3-media-1234567890.eu-west-1.elb.amazonaws.com",
            "s3.eu-west-1.elb.amazonaws.com",
            "abc123.execute-api.eu-west-1.amazonaws.com",
            "vpce-0a1b2c3d-4e5f.vpce-svc-0123456789abcdef0.eu-west-1.vpce.amazonaws.com",
            "bucket.vpce-0a1b.vpce-svc-01.eu-west-1.vpce.amazonaws.com",
            "bucket.s3.eu-west-1.vpce.amazonaws.com",
            "media.s3-website.eu-central-1.amazonaws.com",
            "media.s3-website-eu-west-1.amazonaws.com",
            "s3.compute-1.amazonaws.com",
            "s3.dualstack.compute-1.amazonaws.com",
            "media.dualstack.eu-west-1.amazonaws.com",
            "s3.region-west-1.amazonaws.com",
            "s3.e1-west-1.amazonaws.com",
            "alias-1a2b--ol-s3.s3.us-east-1.amazonaws.com",
            "s3.eu-central-1.amazonaws.com:9000",
            "s3.eu-central-1.amazonaws.com.example",
            "evils3.eu-central-1.amazonaws.com.example",
            "s3.eu-central-1.evilamazonaws.com",
            "amazonaws.com",
            "s3-.amazonaws.com",
            "minio.example.com",
            "127.0.0.1",
            "[::1]",
        ] {
            assert!(!is_s3_at(host), "{host}");
        }
    }
}
