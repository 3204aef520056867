//! `--help` of the program and of each of its commands, and what is said to a wrong command line.

use std::path::Path;

use super::assert_unchanged;
use super::redaction::without_version;
use crate::support::Process;

/// The width of help where the output is no terminal.
const WIDTH: [(&str, &str); 1] = [("COLUMNS", "100")];

/// A command line with its output and its exit code.
pub(super) fn transcript(arguments: &[&str], folder: &Path) -> String {
    let output = Process::output(arguments, folder, &WIDTH);
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let mut text = format!("$ access-broker {}\n{stdout}", arguments.join(" "));
    if !stderr.is_empty() {
        text.extend(["--- standard error\n", &stderr]);
    }
    text + &format!("--- exit code {}\n\n", output.status.code().unwrap())
}

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let output = Process::output(&["--help"], Path::new("."), &WIDTH);
    let help = String::from_utf8(output.stdout).unwrap();
    let listed = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let names = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn help_is_as_it_was() {
    let commands = commands();
    assert!(commands.len() >= 5, "{commands:?}");
    let mut text = String::new();
    for arguments in [&["--help"][..], &["-h"], &["help"]] {
        text += &transcript(arguments, Path::new("."));
    }
    for command in commands.iter().filter(|command| *command != "help") {
        for arguments in [&[command, "--help"][..], &[command, "-h"], &["help", command]] {
            text += &transcript(arguments, Path::new("."));
        }
    }
    for flag in ["--version", "-V"] {
        text += &without_version(&transcript(&[flag], Path::new(".")));
    }
    assert_unchanged("help", &text);
}

#[test]
fn what_a_wrong_command_line_is_told_is_as_it_was() {
    let mistakes: [&[&str]; 9] = [
        &[],
        &["no-such-command"],
        &["serve"],
        &["serve", "--no-such-flag"],
        &["check"],
        &["check", "--config", "broker.toml", "--format", "yaml"],
        &["check", "--config", "broker.toml", "--allow", "no_such_code"],
        &["healthcheck"],
        &["dev", "--grpc-addr", "nowhere"],
    ];
    let text: String = mistakes.iter().map(|arguments| transcript(arguments, Path::new("."))).collect();
    assert_unchanged("wrong_command_lines", &text);
}
