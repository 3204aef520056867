//! What each module of the crate may use.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// The sources of a module: its own file and those in its folder.
fn sources(module: &str) -> Vec<(PathBuf, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![source.join(format!("{module}.rs"))];
    let mut folders = vec![source.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    assert!(files.len() > 10, "{files:?}");
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Fails where a source of the module holds one of these.
fn assert_without(module: &str, words: &[&str]) {
    for (path, text) in sources(module) {
        for word in words {
            assert!(!text.contains(word), "{} holds {word:?}", path.display());
        }
    }
}

#[test]
fn words_and_decisions_do_no_io_read_no_toml_and_no_clock() {
    for module in ["object", "decide"] {
        assert_without(
            module,
            &["std::fs", "std::io", "std::net", "std::env", "::now()", "toml::", "tokio", "base::document"],
        );
        assert_without(module, &["base::files", "base::clock", "std::thread", "std::sync::Mutex"]);
    }
}

#[test]
fn a_module_uses_only_those_before_it() {
    assert_without("object", &["crate::decide", "crate::file", "access_broker_identity"]);
    assert_without("decide", &["crate::file"]);
}
