//! What each module of the product may import. Between members of the workspace the compiler holds it.

use std::fs;
use std::path::{Path, PathBuf};

/// Every module of the product, each above all that it imports.
const FROM_THE_GROUND_UP: [&str; 16] = [
    "admission",
    "line_stream",
    "step_span",
    "policy_store",
    "quota",
    "broker",
    "audit",
    "calls",
    "contract",
    "grpc",
    "http",
    "telemetry",
    "config",
    "server",
    "dev",
    "cli",
];

/// The modules that know no wire.
const WITHOUT_A_WIRE: [&str; 6] = ["admission", "policy_store", "quota", "broker", "audit", "calls"];

/// The code of a module, file by file, without comments.
fn sources(module: &str) -> Vec<(PathBuf, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![source.join(format!("{module}.rs"))];
    let mut folders = vec![source.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.retain(|path| path.extension().is_some_and(|ending| ending == "rs"));
    let code = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    files.into_iter().map(|path| (path.clone(), code(&path))).collect()
}

fn assert_without(module: &str, words: &[&str]) {
    for (path, code) in sources(module) {
        for word in words {
            assert!(!code.contains(word), "{} holds {word:?}", path.display());
        }
    }
}

#[test]
fn every_module_is_listed() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared =
        lib.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    // A signer for tests alone, which stands beside that of S3 in several of them.
    let mut declared: Vec<_> = declared.filter(|module| *module != "second_signer").collect();
    let mut listed = FROM_THE_GROUND_UP.to_vec();
    declared.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, declared);
}

#[test]
fn a_module_imports_only_those_below_it() {
    for (height, module) in FROM_THE_GROUND_UP.iter().enumerate() {
        let above: Vec<_> = FROM_THE_GROUND_UP[height + 1..].iter().map(|above| format!("crate::{above}")).collect();
        assert_without(module, &above.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn what_knows_no_wire_names_none() {
    for module in WITHOUT_A_WIRE {
        assert_without(module, &["tonic", "prost", "hyper::", "proto::"]);
    }
}

#[test]
fn nothing_but_the_configuration_names_what_signs_for_s3() {
    const OF_S3: [&str; 6] =
        ["aws_sdk", "aws_config::", "aws_credential", "SigV4", "CredentialsCache", "CredentialsSnapshot"];
    for module in ["broker", "audit", "calls", "grpc", "telemetry", "server"] {
        assert_without(module, &OF_S3);
    }
}
