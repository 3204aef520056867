//! The sample objects of `dev`.

use std::path::Path;

use anyhow::{Context, anyhow};
use axum::http::{Extensions, HeaderMap, Method, Uri};
use bytes::Bytes;
use s3s::dto::{ETagCondition, PutObjectInput, StreamingBlob};
use s3s::{Body, S3, S3ErrorCode, S3Request};
use s3s_fs::FileSystem;

/// A sample object.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Its key in the bucket.
    pub key: &'static str,
    /// The `content-type` that the server answers with.
    pub content_type: &'static str,
    /// Its bytes.
    pub content: &'static [u8],
}

/// An orange tabby, in the tier that each user may read.
pub const CUTE_CAT: Sample =
    Sample { key: "tier 1/cute-cat.jpg", content_type: "image/jpeg", content: include_bytes!("samples/cute-cat.jpg") };

/// A white kitten with a bow, in the tier of one user.
pub const SUPER_CUTE_CAT: Sample = Sample {
    key: "tier 2/super-cute-cat.jpg",
    content_type: "image/jpeg",
    content: include_bytes!("samples/super-cute-cat.jpg"),
};

/// A text outside all tiers.
pub(crate) const NOTES: Sample = Sample {
    key: "notes.txt",
    content_type: "text/plain; charset=utf-8",
    content: include_bytes!("samples/notes.txt"),
};

pub(crate) const SAMPLES: [Sample; 3] = [CUTE_CAT, SUPER_CUTE_CAT, NOTES];

/// Adds the missing samples to the bucket. It does not replace an object of the same key.
///
/// Call it before [`EmbeddedS3::start`](super::EmbeddedS3::start): opening the directory removes the files of
/// unfinished uploads.
///
/// # Errors
///
/// When the directory cannot be written.
pub async fn seed(data_dir: &Path, bucket: &str) -> anyhow::Result<()> {
    let unusable = || format!("writing the samples to {} failed", data_dir.display());
    tokio::fs::create_dir_all(data_dir.join(bucket)).await.with_context(unusable)?;
    let files = FileSystem::new(data_dir).map_err(|error| anyhow!("{error:?}")).with_context(unusable)?;
    for sample in SAMPLES {
        match files.put_object(put_request(sample, bucket)).await {
            Ok(_) => {}
            Err(error) if *error.code() == S3ErrorCode::PreconditionFailed => {}
            Err(error) => return Err(anyhow!(error)).with_context(unusable),
        }
    }
    Ok(())
}

/// The request that a client would send, so that the server's code writes the file with the content type.
fn put_request(sample: Sample, bucket: &str) -> S3Request<PutObjectInput> {
    let input = PutObjectInput {
        bucket: bucket.to_owned(),
        key: sample.key.to_owned(),
        content_type: Some(sample.content_type.to_owned()),
        if_none_match: Some(ETagCondition::Any),
        body: Some(StreamingBlob::from(Body::from(Bytes::from_static(sample.content)))),
        ..PutObjectInput::default()
    };
    S3Request {
        input,
        method: Method::PUT,
        uri: Uri::default(),
        headers: HeaderMap::default(),
        extensions: Extensions::default(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access_broker_policy::ObjectKey;

    #[test]
    fn pictures_are_small_jpegs_and_keys_are_valid() {
        for picture in [CUTE_CAT, SUPER_CUTE_CAT] {
            let complete = picture.content.starts_with(b"\xff\xd8\xff") && picture.content.ends_with(b"\xff\xd9");
            assert!(complete && (8 << 10..30 << 10).contains(&picture.content.len()), "{}", picture.key);
        }
        assert!(SAMPLES.iter().all(|sample| ObjectKey::parse(sample.key).is_ok()));
    }
}
