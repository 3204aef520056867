//! Compiles the contract's descriptors for the target `json`.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=../proto");

    let mut compiler = protox::Compiler::new(["../proto"])?;
    compiler.include_imports(true).open_file("accessbroker/v1/access_broker.proto")?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("contract.bin"), compiler.encode_file_descriptor_set())?;
    Ok(())
}
