//! The commands that `access-broker dev` prints.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::environment::{BUCKET, Environment};
use access_broker_dev::CUTE_CAT;

/// What is running and what to try, with new tokens.
///
/// # Errors
///
/// When tokens cannot be signed.
pub fn text(environment: &Environment, token_lifetime: Duration) -> anyhow::Result<String> {
    let grpc = environment.grpc_addr;
    let admin = environment.server.admin_addr();
    let (s3, issuer) = (environment.s3.url(), environment.issuer.issuer());
    let policy = environment.policy_file().display().to_string();
    let audit = environment.audit_file().display().to_string();
    let objects = environment.data_dir().display().to_string();
    let token_one = environment.issuer.issue("user-one", token_lifetime)?.id_token;
    let token_two = environment.issuer.issue("user-two", token_lifetime)?.id_token;
    let checksum = BASE64_STANDARD.encode(digest(&SHA256, CUTE_CAT.content));
    let length = CUTE_CAT.content.len();
    let call = |token: &str, method: &str, message: &str| {
        format!(
            "grpcurl -plaintext -H \"authorization: Bearer ${token}\" -d '{message}' \\\n  \
             {grpc} accessbroker.v1.AccessBrokerService/{method}"
        )
    };
    let download =
        |token, key| call(token, "IssueDownloadUrl", &format!(r#"{{"bucket": "{BUCKET}", "key": "{key}"}}"#));
    let upload = |token| {
        let message = format!(
            r#"{{"bucket": "{BUCKET}", "key": "tier 2/new-cat.jpg", "content_type": "image/jpeg", "content_length": {length}, "checksum": {{"sha256": "{checksum}"}}}}"#
        );
        call(token, "IssueUploadUrl", &message)
    };
    let (both_read, one_reads, two_refused) = (
        download("TOKEN_TWO", "tier 1/cute-cat.jpg"),
        download("TOKEN_ONE", "tier 2/super-cute-cat.jpg"),
        download("TOKEN_TWO", "tier 2/super-cute-cat.jpg"),
    );
    let (one_writes, two_writes_not) = (upload("TOKEN_ONE"), upload("TOKEN_TWO"));
    Ok(format!(
        r#"access-broker is ready.

  HTTP    http://{grpc}   JSON; docs/HTTP.md has the calls, /openapi.json describes them
  gRPC    {grpc}   the same port; reflection and health are on
  S3      {s3}   checks signatures; objects are in {objects}
  issuer  {issuer}   gives tokens to every process on this machine
  admin   http://{admin}   /livez, /readyz and /metrics
  policy  {policy}   change it while this runs
  audit   {audit}   one record per decision

# The callers, for an hour. A new token: curl -s {issuer}/token -d username=user-one | jq -r .id_token
export TOKEN_ONE={token_one}
export TOKEN_TWO={token_two}
export API_URL=http://{grpc}

# Every signed-in user reads tier 1, by plain HTTP.
curl -G -H "Authorization: Bearer $TOKEN_TWO" --data-urlencode "key=tier 1/cute-cat.jpg" "$API_URL/presignedurl"; echo

# User two does not read tier 2: status 403.
curl -G -H "Authorization: Bearer $TOKEN_TWO" --data-urlencode "key=tier 2/super-cute-cat.jpg" "$API_URL/presignedurl"; echo

# The services of gRPC.
grpcurl -plaintext {grpc} list
grpcurl -plaintext {grpc} describe accessbroker.v1.AccessBrokerService

# The download by gRPC.
{both_read} > tier-1.json
curl -f -o cute-cat.jpg "$(jq -r .get.url tier-1.json)"

# User one also reads tier 2.
{one_reads} > tier-2.json
curl -f -o super-cute-cat.jpg "$(jq -r .get.url tier-2.json)"

# User two does not: PermissionDenied.
{two_refused}

# User one writes to tier 2. The URL works with exactly the headers of the answer, and only for this content.
{one_writes} > upload.json
jq -r '.put.headers | to_entries[] | "\(.key): \(.value)"' upload.json > headers.txt
curl -f -H @headers.txt -T cute-cat.jpg "$(jq -r .put.url upload.json)"

# User two does not: PermissionDenied.
{two_writes_not}

Ctrl-C stops it.
"#
    ))
}
