//! Compiles the contract with protox, so that no protoc is needed.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

const PROTO: &str = "accessbroker/v1/access_broker.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_file(PROTO)?;

    // Reflection serves the descriptors with their comments.
    let descriptor_path = Path::new(&env::var("OUT_DIR")?).join("access_broker_descriptor.bin");
    fs::write(descriptor_path, compiler.encode_file_descriptor_set())?;

    tonic_prost_build::configure()
        // Its Debug is written by hand: a presigned URL is a credential.
        .skip_debug(["accessbroker.v1.SignedRequest"])
        // Maps ordered by key, so that equal answers have equal bytes.
        .btree_map(".")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
