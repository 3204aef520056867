//! The session token in a form.

use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use tokio_stream::{StreamExt, iter};

/// The largest part of a form before its file, in bytes. S3 accepts 20 KB
/// ([AWS: form fields](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html)).
const MAX_FIELDS_BYTES: usize = 20_000;

/// The session token of a form, as an extension of its request.
///
/// The S3 library reads forms itself and does not expose this field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FormToken(pub(super) Vec<u8>);

/// Reads a form up to its file, stores its token in the request's extensions, and restores the body.
pub(super) async fn attach_token(request: Request) -> Request {
    let content_type = request.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let is_form = content_type.get(..19).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/form-data"));
    if request.method() != Method::POST || !is_form {
        return request;
    }
    let (mut head, body) = request.into_parts();
    let mut stream = body.into_data_stream();
    let (mut chunks, mut seen) = (Vec::new(), Vec::new());
    while seen.len() < MAX_FIELDS_BYTES && position(&seen, b"name=\"file\"").is_none() {
        let Some(chunk) = stream.next().await else { break };
        seen.extend_from_slice(chunk.as_deref().unwrap_or_default());
        let broke_off = chunk.is_err();
        chunks.push(chunk);
        if broke_off {
            break;
        }
    }
    if let Some(token) = find(&seen) {
        head.extensions.insert(token);
    }
    Request::from_parts(head, Body::from_stream(iter(chunks).chain(stream)))
}

fn find(form: &[u8]) -> Option<FormToken> {
    let fields = position(form, b"name=\"file\"").and_then(|end| form.get(..end)).unwrap_or(form);
    let field = after(fields, b"name=\"x-amz-security-token\"")?;
    let value = after(field, b"\r\n\r\n")?;
    Some(FormToken(value.get(..position(value, b"\r\n--")?)?.to_vec()))
}

fn after<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    text.get(position(text, mark)? + mark.len()..)
}

fn position(text: &[u8], mark: &[u8]) -> Option<usize> {
    text.windows(mark.len()).position(|window| window.eq_ignore_ascii_case(mark))
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;

    #[test]
    fn the_token_is_a_field_before_the_file() {
        let field = "--b\r\ncontent-disposition: form-data; name=\"X-Amz-Security-Token\"\r\n\r\na+/=\r\n";
        let file = "--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\ncontent\r\n";
        let token = Some(FormToken(b"a+/=".to_vec()));
        assert_eq!(find(format!("{field}{file}--b--\r\n").as_bytes()), token);
        assert_eq!(find(format!("{file}{field}--b--\r\n").as_bytes()), None);
        assert_eq!(find(file.as_bytes()), None);
        assert_eq!(find(field.as_bytes()), None, "the field does not end");
    }

    #[tokio::test]
    async fn what_was_read_is_put_back() {
        let text = format!("{}name=\"file\"{}", "a".repeat(10), "b".repeat(10));
        let chunks = text.bytes().map(|byte| Ok::<_, axum::Error>(Bytes::from(vec![byte]))).collect::<Vec<_>>();
        let request = Request::post("/media").header(CONTENT_TYPE, "Multipart/Form-Data; boundary=b");
        let request = attach_token(request.body(Body::from_stream(iter(chunks))).unwrap()).await;
        assert_eq!(axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap(), text);
    }
}
