//! Compiles the contract with protox, so that no protoc is needed.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

const PROTO: &str = "accessbroker/v1/access_broker.proto";

/// What no file imports and clients need all the same: an error's details are of these messages.
const ERROR_PROTOS: [&str; 3] = ["google/rpc/code.proto", "google/rpc/error_details.proto", "google/rpc/status.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_file(PROTO)?.open_files(ERROR_PROTOS)?;

    // Reflection serves the descriptors with their comments. Encoded like this, they keep `google.api.http`.
    let descriptor_path = Path::new(&env::var("OUT_DIR")?).join("access_broker_descriptor.bin");
    fs::write(descriptor_path, compiler.encode_file_descriptor_set())?;

    let mut generated = compiler.file_descriptor_set();
    // No code needs these; prost has its own types for the other messages of `google.protobuf`.
    let is_needed = |name: &str| {
        let is_foreign = name.starts_with("google/api/") || name.starts_with("google/rpc/");
        !is_foreign && name != "google/protobuf/descriptor.proto"
    };
    generated.file.retain(|file| is_needed(file.name()));
    tonic_prost_build::configure()
        // Its Debug is written by hand: a presigned URL is a credential.
        .skip_debug(["accessbroker.v1.SignedRequest"])
        // Maps ordered by key, so that equal answers have equal bytes.
        .btree_map(".")
        .compile_fds(generated)?;
    Ok(())
}
