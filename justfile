# What contributors run, one by one, and what `.ci/run` runs as a whole. `just` lists the recipes.

set shell := ["bash", "-euo", "pipefail", "-c"]
set ignore-comments

tools := justfile_directory() / "target/ci"
installed := tools + "/bin:" + tools + "/python/bin:" + tools + "/node/node_modules/.bin"

# Ceph comes last, because its packages contain other programs as well.
export PATH := installed + ":" + env("PATH") + ":" + tools + "/ceph/usr/bin"

[private]
default:
    @'{{ just_executable() }}' --list --unsorted

# Installs programs into target/ci, without root, and lists missing Debian packages
[group('set-up')]
tools:
    .ci/tools
    -@.ci/system-packages --missing

# Installs missing Debian packages, as root
[group('set-up')]
system-packages:
    .ci/system-packages

# Formats the sources
[group('check')]
fmt:
    cargo fmt
    cargo fmt --manifest-path fuzz/Cargo.toml

# Checks the format of the sources
[group('check')]
fmt-check:
    cargo fmt --check
    cargo fmt --check --manifest-path fuzz/Cargo.toml

# Checks the gRPC contract, and that clients of the released one can go on
[group('check')]
contract:
    buf lint
    buf breaking --against proto/released.binpb

# Checks the dependencies: unused ones, licences, bans and sources
[group('check')]
deps:
    cargo machete
    cargo fetch --locked
    cargo deny --offline check bans licenses sources

# Runs clippy, with and without the feature `dev`
[group('check')]
lint:
    cargo clippy --locked --all-targets -- -D warnings
    cargo clippy --locked --package access-broker --no-default-features --lib --bins -- -D warnings

# Builds the lowest members alone, and the decision without TOML
[group('check')]
check-members:
    # Together with other members they would borrow their features of shared dependencies.
    cargo check --locked --package access-broker-base --all-features
    cargo check --locked --package access-broker-protojson
    # Deciding is pure: it builds without the code that reads files.
    cargo check --locked --package access-broker-policy --no-default-features
    @tree="$(cargo tree --locked --package access-broker-policy --no-default-features --edges normal --prefix none)"; \
        if grep '^toml ' <<< "$tree"; then echo "the decision must not depend on TOML" >&2; exit 1; fi

# Builds the documentation of all modules
[group('check')]
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

# Fuzzes each target for some seconds
[group('test')]
fuzz seconds="20":
    .ci/fuzz '{{ seconds }}'

# Runs the tests; a test whose programs are not installed is skipped
[group('test')]
test *arguments:
    cargo test {{ arguments }}

# Runs the tests; a test whose programs are not installed fails
[group('test')]
test-strict:
    CI=true cargo test

# Runs the benchmarks
[group('test')]
bench *arguments:
    cargo bench {{ arguments }}

# Runs the program under load while its dependencies fail in turn
[group('test')]
soak seconds="600":
    ACCESS_BROKER_SOAK_SECONDS='{{ seconds }}' cargo test --test integration soak -- --nocapture

# Mutates deciding code and reports the mutants that no test of its package notices
[group('test')]
mutants files="crates/policy/src/decide/**":
    command -v cargo-mutants >/dev/null || cargo install -q --locked --root '{{ tools }}' cargo-mutants@27.1.0
    cargo mutants --workspace --file '{{ files }}' --output target

# Accepts the present texts as snapshots; review the difference
[group('accept')]
snapshots:
    INSTA_UPDATE=always cargo test --test integration snapshots
    git status --short tests/integration/snapshots

# Writes the generated parts of the documents; review the difference
[group('accept')]
documents:
    UPDATE_DOCUMENTS=1 cargo test --test integration -- documents style
    UPDATE_DOCUMENTS=1 cargo test --test '*' -- promises
    git status --short docs src/http

# Makes the present contract the released one, as each release does; breaking changes need a new package first
[group('accept')]
released-contract:
    buf build --exclude-source-info --output proto/released.binpb

# Runs everything that a change must pass, the quick checks first
[group('ci')]
ci: tools all-installed fmt-check contract deps lint check-members doc fuzz test-strict

# Late failures cost most: without its programs, `test-strict` fails after all other checks.
[private]
all-installed:
    @.ci/system-packages --missing
