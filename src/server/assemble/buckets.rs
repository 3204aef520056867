//! The buckets of the configuration, as the S3 crate takes them.

use std::sync::Arc;

use crate::config::{BucketSettings, Config};
use crate::server::start_options::StartOptions;
use access_broker_policy::Policy;
use access_broker_s3::{RequiredHeaders, S3Bucket, S3Buckets, S3BucketsError, S3Options};

/// Sets up every bucket, and reads the credentials that the configuration names.
pub(super) async fn build(config: &Config, policy: &Policy, start: &StartOptions) -> Result<S3Buckets, S3BucketsError> {
    let buckets: Vec<S3Bucket> = config.buckets.iter().map(bucket).collect();
    let options = S3Options {
        clock: Arc::clone(&start.clock),
        environment: Arc::clone(&start.environment),
        settle: config.policy.settle,
        inspection_timeout: config.server.s3_timeout,
    };
    S3Buckets::build(&buckets, policy, &options).await
}

fn bucket(settings: &BucketSettings) -> S3Bucket {
    S3Bucket {
        name: settings.name.clone(),
        endpoints: settings.endpoints.clone(),
        broker_endpoint: settings.broker_endpoint.clone(),
        required_headers: RequiredHeaders {
            expected_bucket_owner: settings.expected_bucket_owner.clone(),
            requester_pays: settings.requester_pays,
        },
        etag_form: settings.server.etag_form,
        attribution: settings.attribution,
        credentials: settings.credentials.clone(),
        upload_credentials: settings.upload_credentials.clone(),
    }
}
