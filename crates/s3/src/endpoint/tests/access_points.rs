use super::*;

fn access_point(arn: &str) -> EndpointSettings {
    EndpointSettings { access_point: Some(arn.to_owned()), ..aws_settings("media", "us-west-2") }
}

#[tokio::test]
async fn names_of_the_shortest_and_longest_length_are_hosts() {
    for name in ["abc", "0-9", &"a".repeat(50)] {
        let arn = format!("arn:aws:s3:us-west-2:111122223333:accesspoint/{name}");
        assert_eq!(
            resolved_as_in_the_sdk(&access_point(&arn)).await,
            format!("us-west-2 https://{name}-111122223333.s3-accesspoint.us-west-2.amazonaws.com")
        );
    }
}

#[tokio::test]
async fn an_access_point_has_a_host_at_a_vpc_endpoint() {
    let settings = EndpointSettings {
        endpoint: Some("https://accesspoint.vpce-0a1b2c3d.s3.us-west-2.vpce.amazonaws.com".parse().unwrap()),
        ..access_point("arn:aws:s3:us-west-2:111122223333:accesspoint/readers")
    };
    assert_eq!(
        resolved_as_in_the_sdk(&settings).await,
        "us-west-2 https://readers-111122223333.accesspoint.vpce-0a1b2c3d.s3.us-west-2.vpce.amazonaws.com"
    );
}

#[test]
fn arns_of_anything_else_are_refused_by_name() {
    let too_long = format!("arn:aws:s3:us-west-2:111122223333:accesspoint/{}", "a".repeat(51));
    let huge = "arn:aws:s3:us-west-2:111122223333:accesspoint/".repeat(200_000);
    for (arn, expected) in [
        ("", EndpointError::AccessPointArn),
        ("readers", EndpointError::AccessPointArn),
        ("arn:aws:s3:::media", EndpointError::AccessPointArn),
        ("ARN:aws:s3:us-west-2:111122223333:accesspoint/readers", EndpointError::AccessPointArn),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint:readers", EndpointError::AccessPointArn),
        ("arn:aws:s3:us-west-2:111122223333:bucket/readers", EndpointError::AccessPointArn),
        ("arn:aws:iam:us-west-2:111122223333:accesspoint/readers", EndpointError::AccessPointArn),
        (" arn:aws:s3:us-west-2:111122223333:accesspoint/readers", EndpointError::AccessPointArn),
        ("arn:aws:s3::111122223333:accesspoint/readers", EndpointError::MultiRegionAccessPoint),
        ("arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap", EndpointError::MultiRegionAccessPoint),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/mfzwi23gnjvgw.mrap", EndpointError::MultiRegionAccessPoint),
        ("arn:aws:s3-object-lambda:us-west-2:111122223333:accesspoint/readers", EndpointError::ObjectLambdaAccessPoint),
        (
            "arn:aws:s3-outposts:us-west-2:111122223333:outpost/op-01234567890123456/accesspoint/readers",
            EndpointError::OutpostsAccessPoint,
        ),
        (
            "arn:aws:s3express:us-west-2:111122223333:accesspoint/readers--usw2-az1--xa-s3",
            EndpointError::DirectoryAccessPoint,
        ),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/readers--usw2-az1--xa-s3", EndpointError::DirectoryAccessPoint),
        ("arn:aws:s3:us-west-2::accesspoint/readers", EndpointError::AccessPointAccount),
        ("arn:aws:s3:us-west-2:11112222333:accesspoint/readers", EndpointError::AccessPointAccount),
        ("arn:aws:s3:us-west-2:11112222333x:accesspoint/readers", EndpointError::AccessPointAccount),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/", EndpointError::AccessPointName),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/ab", EndpointError::AccessPointName),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/-abc", EndpointError::AccessPointName),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/abc-", EndpointError::AccessPointName),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/Abc", EndpointError::AccessPointName),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/a.b", EndpointError::AccessPointName),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/a_b", EndpointError::AccessPointName),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/a\0b", EndpointError::AccessPointName),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/abc/object/a", EndpointError::AccessPointName),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/abc:object:a", EndpointError::AccessPointName),
        ("arn:aws:s3:us-west-2:111122223333:accesspoint/abc-s3alias", EndpointError::AccessPointName),
        (&too_long, EndpointError::AccessPointName),
        (&huge, EndpointError::AccessPointName),
        ("arn:aws:s3:us-east-1:111122223333:accesspoint/readers", EndpointError::AccessPointRegion),
        ("arn:aws-cn:s3:cn-north-1:111122223333:accesspoint/readers", EndpointError::AccessPointRegion),
        ("arn:aws-cn:s3:us-west-2:111122223333:accesspoint/readers", EndpointError::AccessPointPartition),
        ("arn::s3:us-west-2:111122223333:accesspoint/readers", EndpointError::AccessPointPartition),
    ] {
        assert_eq!(error(&access_point(arn)), expected, "{}", arn.get(..100).unwrap_or(arn));
    }
}

#[test]
fn an_access_point_is_reached_over_https_by_name() {
    for endpoint in ["http://s3.example.com", "https://10.1.2.3", "https://[::1]:9000"] {
        let settings = EndpointSettings {
            endpoint: Some(endpoint.parse().unwrap()),
            ..access_point("arn:aws:s3:us-west-2:111122223333:accesspoint/readers")
        };
        assert_eq!(error(&settings), EndpointError::AccessPointNeedsHttpsHost, "{endpoint}");
    }
}

#[test]
fn the_buckets_name_is_checked_also_with_an_access_point() {
    let arn = "arn:aws:s3:us-west-2:111122223333:accesspoint/readers";
    let settings = EndpointSettings { s3_bucket: arn.to_owned(), ..access_point(arn) };
    assert_eq!(error(&settings), EndpointError::BucketName);
}

/// The partition of a region in the rules' error about an access point of another partition.
fn partition_in_the_rules(region: &str) -> String {
    let elsewhere = if region.contains("cn-") { "us-west-2" } else { "cn-north-1" };
    let params = aws_sdk_s3::config::endpoint::Params::builder()
        .region(region)
        .bucket(format!("arn:aws:s3:{elsewhere}:111122223333:accesspoint/readers"))
        .use_arn_region(true)
        .build()
        .unwrap();
    let error = rules::ask(&params).unwrap_err().to_string();
    let (_, rest) = error.split_once("configured for partition `").unwrap_or_else(|| panic!("{region}: {error}"));
    rest.split_once('`').unwrap().0.to_owned()
}

#[test]
fn partitions_are_those_of_the_rules() {
    for region in [
        "us-west-2",
        "eu-central-1",
        "mx-central-1",
        "aws-global",
        "nowhere",
        "cn-north-1",
        "cn-northwest-1",
        "aws-cn-global",
        "us-gov-east-1",
        "us-gov-west-1",
        "aws-us-gov-global",
        "us-iso-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "us-isof-south-1",
        "eusc-de-east-1",
    ] {
        assert_eq!(partition::partition_of(region), partition_in_the_rules(region), "{region}");
    }
}
