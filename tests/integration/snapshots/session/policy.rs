//! The policy of the session: a tier for each kind of outcome.

pub(super) const POLICY: &str = r#"
[[tier]]
name = "plain"
bucket = "media"
prefix = "plain/"
download = {}
upload = {}

[[tier]]
name = "full"
bucket = "media"
prefix = "full/"
download = { stable_window = "5m", disposition = "attachment", content_type = "application/octet-stream" }

[tier.upload]
max_size = "1MiB"
content_types = ["text/*"]
checksum = "sha256"
overwrite = true
storage_classes = ["STANDARD", "STANDARD_IA"]
caller_tags = ["purpose"]
encryption = { algorithm = "aws:kms", kms_key_id = "alias/uploads", bucket_key = true }
record_decision = true

[[tier]]
name = "pictures"
bucket = "media"
prefix = "pictures/"
include = "*.jpg"
download = {}

[[tier]]
name = "covers"
bucket = "media"
prefix = "pictures/"
include = "cover.*"
download = {}

[[tier]]
name = "private"
bucket = "media"
prefix = "private/"
download = {}

[[tier]]
name = "denied"
bucket = "media"
prefix = "denied/"
download = {}

[[tier]]
name = "groups"
bucket = "media"
prefix = "groups/"
download = {}

[[tier]]
name = "scarce"
bucket = "media"
prefix = "scarce/"
quota = { caller = "1/h" }
download = {}

[[tier]]
name = "short"
bucket = "media"
prefix = "short/"
download = { max_ttl = "1m", end_with_token = true }

[[tier]]
name = "unsigned"
bucket = "unsigned"
prefix = ""
download = {}

[[grant]]
name = "everyone-reads"
tiers = ["plain", "full", "pictures", "covers", "denied", "scarce", "short", "unsigned"]
operations = "download"
to = { authenticated = true }

[[grant]]
name = "everyone-writes"
tiers = ["plain", "full"]
operations = "upload"
to = { authenticated = true }

[[grant]]
name = "editors-read"
tiers = "groups"
operations = "download"
to = { groups = "editors", issuers = "any" }

[[denial]]
name = "not-there"
tiers = "denied"
to = { authenticated = true }
"#;
