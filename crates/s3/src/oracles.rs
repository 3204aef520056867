//! Independent signers and common values for tests.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Region};
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::head_object::builders::HeadObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::types::RequestPayer;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4::SigningParams;

use super::credentials::{CredentialsCache, CredentialsSnapshot};
use crate::endpoint::{Addressing, BucketEndpoint, EndpointSettings, RequiredHeaders};
use crate::presign::Attribution;
use access_broker_base::clock::SystemClock;
use access_broker_policy::{Checksum, ChecksumAlgorithm, PermittedDownload, PermittedUpload, ResponseOverride};

pub(super) fn instant(unix_seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds)
}

pub(super) fn aws_settings(bucket: &str, region: &str) -> EndpointSettings {
    EndpointSettings {
        s3_bucket: bucket.to_owned(),
        region: region.to_owned(),
        endpoint: None,
        addressing: Addressing::Automatic,
        dual_stack: false,
        fips: false,
        accelerate: false,
        access_point: None,
    }
}

pub(super) fn snapshot(credentials: &Credentials) -> CredentialsSnapshot {
    CredentialsSnapshot::new(credentials.clone(), SystemTime::UNIX_EPOCH).unwrap()
}

/// The keys of the examples in AWS's documentation.
pub(super) fn documentation_credentials() -> Credentials {
    Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, None, "test")
}

/// The keys of the SDK's own tests.
pub(super) fn sdk_test_credentials() -> Credentials {
    let token = Some("notarealsessiontoken".to_owned());
    Credentials::new("ANOTREAL", "notrealrnrELgWzOk3IfjzDKtFBhDby", token, None, "test")
}

/// A cache that holds the credentials. Temporary ones expire in the year 9999.
pub(super) async fn loaded_cache(mut credentials: Credentials) -> Arc<CredentialsCache> {
    if credentials.session_token().is_some() {
        credentials.expiry_mut().get_or_insert(instant(253_370_764_800));
    }
    let cache = CredentialsCache::new(credentials, Arc::new(SystemClock), Duration::from_hours(1));
    cache.refresh().await.unwrap();
    Arc::new(cache)
}

/// `aws-sdk-s3` for one bucket.
pub(super) struct SdkOracle {
    client: aws_sdk_s3::Client,
    bucket: String,
    required: RequiredHeaders,
    attribution: Option<Attribution>,
}

impl SdkOracle {
    pub(super) fn new(settings: &EndpointSettings, credentials: Credentials) -> Self {
        let path_style = match settings.addressing {
            Addressing::Automatic => settings.endpoint.is_some() && settings.access_point.is_none(),
            Addressing::VirtualHost => false,
            Addressing::Path => true,
        };
        let mut config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .credentials_provider(credentials)
            .force_path_style(path_style)
            .use_dual_stack(settings.dual_stack)
            .use_fips(settings.fips)
            .accelerate(settings.accelerate)
            .use_arn_region(false);
        // Without the slash the SDK appends the bucket to the last segment of the endpoint's path.
        let endpoint = settings.endpoint.as_ref().map(|url| format!("{}/", url.as_str().trim_end_matches('/')));
        config.set_endpoint_url(endpoint);
        let client = aws_sdk_s3::Client::from_conf(config.build());
        let bucket = settings.access_point.as_ref().unwrap_or(&settings.s3_bucket).clone();
        Self { client, bucket, required: RequiredHeaders::default(), attribution: None }
    }

    /// Headers for each request.
    pub(super) fn requiring(self, required: RequiredHeaders) -> Self {
        Self { required, ..self }
    }

    /// Query parameters for each request that the SDK does not know.
    pub(super) fn attributing(self, attribution: Attribution) -> Self {
        Self { attribution: Some(attribution), ..self }
    }

    fn owner(&self) -> Option<String> {
        self.required.expected_bucket_owner.as_ref().map(ToString::to_string)
    }

    fn payer(&self) -> Option<RequestPayer> {
        self.required.requester_pays.then_some(RequestPayer::Requester)
    }

    /// Adds parameters that the SDK does not know, and for reads the requester's payment, which the SDK has only as a
    /// header.
    fn with_parameters(&self, reads: bool) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
        let attribution = self.attribution.clone();
        let payer = reads && self.required.requester_pays;
        move |request| {
            if payer {
                let separator = if request.uri().contains('?') { '&' } else { '?' };
                request.set_uri(format!("{}{separator}x-amz-request-payer=requester", request.uri())).unwrap();
            }
            if let Some(Attribution { decision_id, caller_id }) = &attribution {
                let separator = if request.uri().contains('?') { '&' } else { '?' };
                let (caller_id, decision_id) = (naively_encoded(caller_id, ""), naively_encoded(decision_id, ""));
                let parameters = format!("x-access-broker-caller={caller_id}&x-access-broker-decision={decision_id}");
                let uri = format!("{}{separator}{parameters}", request.uri());
                request.set_uri(uri).unwrap();
            }
        }
    }

    pub(super) async fn get(
        &self,
        key: &str,
        terms: &PermittedDownload,
        at: SystemTime,
        seconds: u64,
    ) -> PresignedRequest {
        let mut request = self.client.get_object().bucket(&self.bucket).key(key);
        request = request.set_expected_bucket_owner(self.owner());
        if let Some(version_id) = &terms.version_id {
            request = request.version_id(version_id.as_str());
        }
        for (header, value) in &terms.response_overrides {
            request = override_get(request, *header, value.as_str());
        }
        let customized = request.customize().mutate_request(self.with_parameters(true));
        let presigned = customized.presigned(configured(at, seconds)).await;
        presigned.unwrap_or_else(|error| panic!("{}", DisplayErrorContext(error)))
    }

    pub(super) async fn head(
        &self,
        key: &str,
        terms: &PermittedDownload,
        at: SystemTime,
        seconds: u64,
    ) -> PresignedRequest {
        let mut request = self.client.head_object().bucket(&self.bucket).key(key);
        request = request.set_expected_bucket_owner(self.owner());
        if let Some(version_id) = &terms.version_id {
            request = request.version_id(version_id.as_str());
        }
        for (header, value) in &terms.response_overrides {
            request = override_head(request, *header, value.as_str());
        }
        let customized = request.customize().mutate_request(self.with_parameters(true));
        customized.presigned(configured(at, seconds)).await.unwrap()
    }

    pub(super) async fn put(
        &self,
        key: &str,
        terms: &PermittedUpload,
        at: SystemTime,
        seconds: u64,
    ) -> PresignedRequest {
        let tag = |(name, value): (&str, &str)| format!("{}={}", naively_encoded(name, ""), naively_encoded(value, ""));
        let tags: Vec<String> = terms.tags.iter().map(tag).collect();
        let text =
            |value: &Option<access_broker_policy::HeaderText>| value.as_ref().map(|value| value.as_str().to_owned());
        let mut request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .set_content_type(text(&terms.content_type))
            .set_content_length(terms.content_length.map(|length| i64::try_from(length).unwrap()))
            .set_expected_bucket_owner(self.owner())
            .set_request_payer(self.payer())
            .set_if_none_match(terms.create_only.then(|| "*".to_owned()))
            .set_if_match(terms.if_match.as_ref().map(|etag| etag.as_str().to_owned()))
            .set_tagging((!terms.tags.is_empty()).then(|| tags.join("&")))
            .set_storage_class(terms.storage_class.map(|class| class.name().into()))
            .set_cache_control(text(&terms.cache_control))
            .set_content_disposition(text(&terms.content_disposition))
            .set_content_encoding(text(&terms.content_encoding));
        for (name, value) in &terms.metadata {
            request = request.metadata(name.as_str(), value.as_str());
        }
        if let Some(checksum) = &terms.checksum {
            request = with_checksum(request, checksum);
        }
        if let Some(encryption) = &terms.encryption {
            request = request
                .server_side_encryption(encryption.algorithm.name().into())
                .set_ssekms_key_id(text(&encryption.kms_key_id))
                .set_ssekms_encryption_context(text(&encryption.context))
                .set_bucket_key_enabled(encryption.bucket_key);
        }
        let customized = request.customize().mutate_request(self.with_parameters(false));
        customized.presigned(configured(at, seconds)).await.unwrap()
    }
}

/// `aws-sigv4`, with a URL that is already encoded.
pub(super) fn aws_sigv4_url(
    method: &str,
    unsigned_url: &str,
    headers: &[(&str, &str)],
    region: &str,
    credentials: &Credentials,
    at: SystemTime,
    seconds: u64,
) -> String {
    let identity = credentials.clone().into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(seconds));
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(at)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let headers = headers.iter().copied();
    let request = SignableRequest::new(method, unsigned_url, headers, SignableBody::UnsignedPayload).unwrap();
    let (instructions, _signature) = sign(request, &params).unwrap().into_parts();
    let mut request = http::Request::builder().uri(unsigned_url).body(()).unwrap();
    instructions.apply_to_request_http1x(&mut request);
    request.uri().to_string()
}

/// A simple `UriEncode`, to compare the fast one with.
pub(super) fn naively_encoded(text: &str, also_plain: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let character = char::from(byte);
        if character.is_ascii_alphanumeric() || "-._~".contains(character) || also_plain.contains(character) {
            out.push(character);
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
    }
    out
}

pub(super) fn resolved(settings: &EndpointSettings) -> BucketEndpoint {
    BucketEndpoint::resolve(settings).unwrap()
}

fn configured(at: SystemTime, seconds: u64) -> PresigningConfig {
    PresigningConfig::builder().start_time(at).expires_in(Duration::from_secs(seconds)).build().unwrap()
}

fn http_date(text: &str) -> aws_sdk_s3::primitives::DateTime {
    aws_sdk_s3::primitives::DateTime::from_str(text, aws_sdk_s3::primitives::DateTimeFormat::HttpDate).unwrap()
}

fn override_get(request: GetObjectFluentBuilder, header: ResponseOverride, value: &str) -> GetObjectFluentBuilder {
    match header {
        ResponseOverride::CacheControl => request.response_cache_control(value),
        ResponseOverride::ContentDisposition => request.response_content_disposition(value),
        ResponseOverride::ContentEncoding => request.response_content_encoding(value),
        ResponseOverride::ContentLanguage => request.response_content_language(value),
        ResponseOverride::ContentType => request.response_content_type(value),
        ResponseOverride::Expires => request.response_expires(http_date(value)),
    }
}

fn override_head(request: HeadObjectFluentBuilder, header: ResponseOverride, value: &str) -> HeadObjectFluentBuilder {
    match header {
        ResponseOverride::CacheControl => request.response_cache_control(value),
        ResponseOverride::ContentDisposition => request.response_content_disposition(value),
        ResponseOverride::ContentEncoding => request.response_content_encoding(value),
        ResponseOverride::ContentLanguage => request.response_content_language(value),
        ResponseOverride::ContentType => request.response_content_type(value),
        ResponseOverride::Expires => request.response_expires(http_date(value)),
    }
}

fn with_checksum(request: PutObjectFluentBuilder, checksum: &Checksum) -> PutObjectFluentBuilder {
    use base64::Engine;
    let value = base64::engine::general_purpose::STANDARD.encode(checksum.bytes());
    match checksum.algorithm() {
        ChecksumAlgorithm::Crc32 => request.checksum_crc32(value),
        ChecksumAlgorithm::Crc32c => request.checksum_crc32_c(value),
        ChecksumAlgorithm::Crc64Nvme => request.checksum_crc64_nvme(value),
        ChecksumAlgorithm::Md5 => request.content_md5(value),
        ChecksumAlgorithm::Sha1 => request.checksum_sha1(value),
        ChecksumAlgorithm::Sha256 => request.checksum_sha256(value),
    }
}
