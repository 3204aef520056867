//! The README's session, run as it stands.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use access_broker_dev::CUTE_CAT;

use crate::registry::Registry;
use crate::requirement::Requirement;
use crate::support::{PATIENCE, run_within, start_dev};

pub(crate) fn register(registry: &mut Registry<'_>) {
    registry.add_blocking(
        concat!(module_path!(), "::every_command_of_the_session_works_and_prints_what_is_shown"),
        &[Requirement::Shell],
        every_command_of_the_session_works_and_prints_what_is_shown,
    );
    registry.add_blocking(
        concat!(module_path!(), "::the_commands_that_dev_prints_work_too"),
        &[Requirement::Shell],
        the_commands_that_dev_prints_work_too,
    );
}

const README: &str = include_str!("../../README.md");

/// One command of a `console` block, and the output that the README shows for it.
struct Step {
    command: String,
    shown: String,
}

fn session() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut inside, mut continued) = (false, false);
    for line in README.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => {
                let started = line.strip_prefix("$ ");
                match (started, steps.last_mut()) {
                    (Some(command), _) => steps.push(Step { command: command.to_owned(), shown: String::new() }),
                    (None, Some(step)) if continued => step.command.extend(["\n", line]),
                    (None, Some(step)) => step.shown.extend([line, "\n"]),
                    (None, None) => panic!("output before any command: {line}"),
                }
                // A command goes on while a line ends in a backslash or a quoted message is open.
                let command = &steps.last().unwrap().command;
                let open = command.replace("\\\"", "").matches('"').count() % 2 == 1;
                continued = (started.is_some() || continued) && (line.ends_with('\\') || open);
            }
        }
    }
    steps
}

/// The stand-in for grpcurl, which cargo builds with the tests.
fn stand_in() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap().join("examples/grpcurl");
    assert!(built.exists(), "`cargo build --example grpcurl` builds it where only this target was built");
    built
}

/// A text without what differs from run to run: ids, times, and the query of a URL.
fn stable(text: &str) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for line in text.lines().flat_map(members) {
        let line = line.trim().trim_end_matches(',');
        let stable = match line.split_once(": ") {
            Some((name @ ("\"decisionId\"" | "\"expiresAt\"" | "\"requestId\""), _)) => name.to_owned(),
            Some((name @ "\"url\"", url)) => format!("{name}: {}", url.split_once('?').unwrap().0),
            _ => line.to_owned(),
        };
        lines.insert(stable);
    }
    lines
}

/// The lines of an object that stands on one line; another line as it is.
fn members(line: &str) -> Vec<String> {
    match serde_json::from_str::<serde_json::Value>(line) {
        Ok(object) if line.starts_with("{\"") => format!("{object:#}").lines().map(str::to_owned).collect(),
        _ => vec![line.to_owned()],
    }
}

fn every_command_of_the_session_works_and_prints_what_is_shown() {
    let steps = session();
    assert!(steps.len() >= 14, "the README's session was not found");
    // The call of scripts that exist comes first.
    let first = steps.iter().find(|step| !step.shown.is_empty()).unwrap();
    assert_eq!(
        first.command,
        r#"curl -G -H "Authorization: Bearer $TOKEN_ID" --data-urlencode "key=tier 1/cute-cat.jpg" "$API_URL/presignedurl""#
    );
    let (process, ready) = start_dev();
    let address = |name: &str| ready[name].as_str().unwrap().trim_start_matches("http://").to_owned();
    let with_addresses = |text: &str| {
        text.replace("127.0.0.1:50051", &address("grpc"))
            .replace("127.0.0.1:50052", &address("s3"))
            .replace("127.0.0.1:50053", &address("issuer"))
    };
    let bin = process.path("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(stand_in(), bin.join("grpcurl")).unwrap();

    // curl shows its progress where the output is no terminal.
    fs::write(process.path(".curlrc"), "silent\n").unwrap();
    // One shell for all, because later commands use the variables of earlier ones.
    let mut script = "set -u\n".to_owned();
    for (index, step) in steps.iter().enumerate() {
        let command = with_addresses(&step.command);
        script.extend([format!("{{ {command}\n}} > out-{index} 2>&1; echo $? > code-{index}\n")]);
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(process.path("")).env("PATH", path).env("HOME", process.path(""));
    assert!(run_within(2 * PATIENCE, &mut shell).status.success());

    for (index, step) in steps.iter().enumerate() {
        let output = fs::read_to_string(process.path(&format!("out-{index}"))).unwrap();
        let code = fs::read_to_string(process.path(&format!("code-{index}"))).unwrap();
        let expected_code = if step.shown.starts_with("ERROR:") { "71\n" } else { "0\n" };
        assert_eq!(code, expected_code, "{}\n{output}", step.command);
        assert_eq!(stable(&output), stable(&with_addresses(&step.shown)), "{}\n{output}", step.command);
    }
    assert_eq!(fs::read(process.path("cute-cat.jpg")).unwrap(), CUTE_CAT.content);
}

fn the_commands_that_dev_prints_work_too() {
    let (process, _) = start_dev();
    let bin = process.path("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(stand_in(), bin.join("grpcurl")).unwrap();
    let guide = process.stdout();
    let (_, commands) = guide.split_once("# The callers").unwrap();
    let commands = commands.split_once("Ctrl-C").unwrap().0;
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("# {commands}")]).current_dir(process.path("")).env("PATH", path);
    let output = run_within(2 * PATIENCE, &mut shell);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr.matches("Code: PermissionDenied").count(), 2, "{stderr}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(stdout.matches(r#"{"url":"http://"#).count(), 1, "{stdout}");
    assert_eq!(stdout.matches(r#""reason":"OPERATION_NOT_GRANTED""#).count(), 1, "{stdout}");
    assert_eq!(fs::read(process.path("cute-cat.jpg")).unwrap(), CUTE_CAT.content);
    assert!(process.path("super-cute-cat.jpg").exists() && !stderr.contains("curl:"), "{stderr}");
}
