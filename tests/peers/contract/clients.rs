//! The clients that buf.gen.yaml generates compile, and their messages have the JSON that the broker reads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::repository;
use crate::registry::{Registry, needs};
use crate::requirement::JAVA_LIBRARIES;
use crate::support::{folder, run_within};

/// For a compiler with an empty cache, on a machine that does other work.
const COMPILING: Duration = Duration::from_mins(5);

pub(super) fn register(registry: &mut Registry<'_>) {
    let tests: [(&str, fn()); 4] = [
        ("go_clients_compile", go_clients_compile),
        ("java_clients_compile", java_clients_compile),
        ("python_clients_compile", python_clients_compile),
        ("typescript_clients_compile", typescript_clients_compile),
    ];
    for (name, test) in tests {
        // One run of buf generates all languages.
        let needs = needs!([Buf, Go, Java, GrpcioTools, TypeScript]);
        registry.add_blocking(&format!("{}::{name}", module_path!()), &needs, test);
    }
}

/// Each program builds this message and prints it as JSON.
fn hold_printed(printed: &str) {
    let printed: Value = serde_json::from_str(printed.trim()).unwrap();
    let expected = json!({
        "key": "tier 1/a", "ttl": "60s", "contentLength": "5", "checksum": { "crc32": "AAAAAQ==" },
        "metadata": { "n": "v" },
    });
    assert_eq!(printed, expected);
}

/// Runs a command of a compiler in a directory, and returns what it prints.
fn run(directory: &Path, command: &mut Command) -> String {
    let output = run_within(COMPILING, command.current_dir(directory));
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{command:?}: {stdout}{stderr}");
    stdout
}

/// The directory that the paths in buf.gen.yaml are relative to.
fn generated() -> &'static Path {
    static GENERATED: OnceLock<TempDir> = OnceLock::new();
    let directory = GENERATED.get_or_init(|| {
        let directory = folder();
        let mut buf = Command::new("buf");
        buf.args(["generate", "--template"]).arg(repository().join("buf.gen.yaml"));
        run(directory.path(), buf.arg("--output").arg(directory.path()).arg(repository()));
        directory
    });
    directory.path()
}

fn all_under(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(all_under(&entry, ending));
        } else if entry.extension().is_some_and(|found| found == ending) {
            found.push(entry);
        }
    }
    found
}

fn go_clients_compile() {
    // Debian has the libraries as sources in a GOPATH, as modules need a network.
    let work = folder();
    let source = work.path().join("src/github.com/access-broker/access-broker/gen");
    fs::create_dir_all(&source).unwrap();
    std::os::unix::fs::symlink(generated().join("gen/go"), source.join("go")).unwrap();
    let main = work.path().join("main.go");
    fs::write(&main, include_str!("main.go")).unwrap();
    let printed = run(
        work.path(),
        Command::new("go")
            .arg("run")
            .arg(main)
            .env("GOPATH", format!("{}:/usr/share/gocode", work.path().display()))
            // Kept from run to run: it holds the compiled libraries.
            .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go"))
            .envs([("GO111MODULE", "off"), ("GOFLAGS", ""), ("GOTOOLCHAIN", "local")]),
    );
    hold_printed(&printed);
}

fn java_clients_compile() {
    let work = folder();
    let main = work.path().join("Main.java");
    fs::write(&main, include_str!("Main.java")).unwrap();
    let libraries = JAVA_LIBRARIES.join(":");
    let sources = all_under(&generated().join("gen/java"), "java");
    run(
        work.path(),
        Command::new("javac")
            .args(["-encoding", "UTF-8", "-proc:none", "-d", "classes", "-cp", &libraries])
            .arg(main)
            .args(sources),
    );
    let printed = run(work.path(), Command::new("java").args(["-cp", &format!("classes:{libraries}"), "Main"]));
    hold_printed(&printed);
}

fn python_clients_compile() {
    let python = generated().join("gen/python");
    run(
        repository(),
        Command::new("python3")
            .args(["-m", "grpc_tools.protoc", "-I", "proto", "--grpc_python_out"])
            .arg(&python)
            .arg("accessbroker/v1/access_broker.proto"),
    );
    let printed = run(&python, Command::new("python3").args(["-c", include_str!("main.py")]));
    hold_printed(&printed);
}

fn typescript_clients_compile() {
    let work = generated().join("gen/typescript");
    // protoc-gen-es is in the node_modules that has the libraries.
    let program = run(&work, Command::new("sh").args(["-c", "command -v protoc-gen-es"]));
    let program = fs::canonicalize(program.trim()).unwrap();
    let modules = program.ancestors().find(|path| path.ends_with("node_modules")).unwrap();
    std::os::unix::fs::symlink(modules, work.join("node_modules")).unwrap();
    fs::write(work.join("main.ts"), include_str!("main.ts")).unwrap();
    let settings = ["--strict", "--target", "es2022", "--module", "nodenext", "--outDir", "out"];
    run(&work, Command::new("tsc").args(settings).arg("main.ts").args(all_under(&work.join("google"), "ts")));
    hold_printed(&run(&work, Command::new("node").arg("out/main.js")));
}
