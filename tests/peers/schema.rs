//! Python's `jsonschema` judges the schemas of all files, and the files by them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::registry::Registry;
use crate::requirement::Requirement;
use crate::support::{PATIENCE, Process, folder, run_within};

pub(crate) fn register(registry: &mut Registry<'_>) {
    registry.add_blocking(
        concat!(module_path!(), "::schemas_accept_every_file_of_the_repository_and_refuse_unknown_settings"),
        &[Requirement::JsonSchema],
        schemas_accept_every_file_of_the_repository_and_refuse_unknown_settings,
    );
}

/// Checks the schemas, then the samples with and without their optional settings, and the TOML blocks of the documents,
/// each of which `check` accepts. Prints how many files it checked.
const VALIDATE: &str = r##"
import copy, glob, json, re, sys, tomllib
from jsonschema import Draft202012Validator as Validator

configuration, policy, members = (json.load(open(path)) for path in sys.argv[1:4])
for schema in (configuration, policy, members):
    Validator.check_schema(schema)

def uncommented(text):
    return "\n".join(line[1:] if re.match(r"#[a-z\[]", line) else line for line in text.split("\n"))

def files():
    for path in ("samples/broker.toml", "samples/policy.toml", "samples/members.toml"):
        text = open(path).read()
        yield path, text
        yield path + " with all settings", uncommented(text)
    for path in glob.glob("docs/*.md") + ["README.md"]:
        for block in re.findall(r"```toml\n(.*?)```", open(path).read(), re.S):
            yield path, block

count = 0
for path, text in files():
    document = tomllib.loads(text)
    schema = policy if "tier" in document or "grant" in document else configuration
    schema = members if "group" in document else schema
    problems = [f"{path}: {list(error.path)}: {error.message}" for error in Validator(schema).iter_errors(document)]
    assert not problems, problems
    for table in [key for key, value in document.items() if isinstance(value, (dict, list)) and value]:
        wrong = copy.deepcopy(document)
        inside = wrong[table][0] if isinstance(wrong[table], list) else wrong[table]
        inside["no_such_setting"] = 1
        assert not Validator(schema).is_valid(wrong), (path, table)
    count += 1

def is_valid(text):
    return Validator(configuration).is_valid(tomllib.loads(text))

assert is_valid('[limits]\nmax_connections = 7') and is_valid('[limits]\nmax_connections = "${N}"')
assert is_valid('[limits]\ncall_timeout = "1h 30m"') and is_valid('[limits]\ncall_timeout = "${T:-5s}"')
for wrong in ('max_connections = 0', 'max_connections = "7"', 'call_timeout = 5', 'call_timeout = "soon"'):
    assert not is_valid("[limits]\n" + wrong), wrong
print(count)
"##;

fn schemas_accept_every_file_of_the_repository_and_refuse_unknown_settings() {
    let directory = folder();
    let schemas = ["configuration", "policy", "members"].map(|file| {
        let output = Process::output(&["config", "schema", file], directory.path(), &[]);
        assert!(output.status.success());
        let path: PathBuf = directory.path().join(file);
        std::fs::write(&path, output.stdout).unwrap();
        path
    });
    let mut python = Command::new("python3");
    python.args(["-c", VALIDATE]).args(&schemas).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    let output = run_within(PATIENCE, &mut python);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let count: usize = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    assert!(count >= 20, "{count} files");
}
