//! ARNs of access points.

use super::error::EndpointError;
use access_broker_policy::AccountId;

/// An access point of a general purpose bucket, by its ARN.
#[derive(Debug)]
pub(super) struct AccessPoint<'a> {
    pub(super) partition: &'a str,
    pub(super) region: &'a str,
    account: AccountId,
    name: &'a str,
}

impl<'a> AccessPoint<'a> {
    /// Reads `arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME` ([AWS: referencing access
    /// points](https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html)). Partition and region
    /// are not checked here. Access points of other kinds have other signatures, hosts and limits, so each kind is
    /// refused with a separate error.
    pub(super) fn parse(arn: &'a str) -> Result<Self, EndpointError> {
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let &["arn", partition, service, region, account, resource] = fields.as_slice() else {
            return Err(EndpointError::AccessPointArn);
        };
        match service {
            "s3" => {}
            "s3-object-lambda" => return Err(EndpointError::ObjectLambdaAccessPoint),
            "s3-outposts" => return Err(EndpointError::OutpostsAccessPoint),
            "s3express" => return Err(EndpointError::DirectoryAccessPoint),
            _ => return Err(EndpointError::AccessPointArn),
        }
        let name = resource.strip_prefix("accesspoint/").ok_or(EndpointError::AccessPointArn)?;
        if region.is_empty() || name.strip_suffix(".mrap").is_some() {
            return Err(EndpointError::MultiRegionAccessPoint);
        }
        if name.ends_with("--xa-s3") {
            return Err(EndpointError::DirectoryAccessPoint);
        }
        let account = AccountId::parse(account).map_err(|_| EndpointError::AccessPointAccount)?;
        if !is_access_point_name(name) {
            return Err(EndpointError::AccessPointName);
        }
        Ok(Self { partition, region, account, name })
    }

    /// The first label of the access point's host name. At most 63 characters: 50, a hyphen, and 12.
    pub(super) fn host_label(&self) -> String {
        format!("{}-{}", self.name, self.account)
    }
}

/// [AWS: naming rules for access
/// points](https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-restrictions-limitations-naming-rules.html).
fn is_access_point_name(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (3..=50).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.ends_with("-s3alias")
}
