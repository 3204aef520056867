//! A network that a test has for itself, in which addresses that are not loopback belong to this machine.

use super::wait::{PATIENCE, try_run_within};
use std::net::Ipv4Addr;
use std::process::{Command, Output};
use std::{env, str};

/// Where the broker is. All of 192.0.2.0/24 (RFC 5737) is this machine.
pub(crate) const BROKER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Peers with addresses of their own.
pub(crate) const ONE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
pub(crate) const ANOTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 11);

/// Set for a test that runs inside.
const INSIDE: &str = "ACCESS_BROKER_TEST_OWN_NETWORK";

/// Whether this machine permits such networks.
pub(crate) fn is_permitted() -> bool {
    env::var_os(INSIDE).is_some() || run_inside(&["true"]).is_ok_and(|output| output.status.success())
}

/// Whether the test with this name runs inside. Outside, it is run again inside, and must pass there.
pub(crate) fn is_inside(name: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let program = env::current_exe().unwrap();
    let output = run_inside(&[program.to_str().unwrap(), "--exact", name, "--nocapture"]).unwrap();
    let said = str::from_utf8(&output.stdout).unwrap();
    let complained = str::from_utf8(&output.stderr).unwrap();
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{complained}");
    false
}

fn run_inside(command: &[&str]) -> std::io::Result<Output> {
    // An address of loopback's own device brings all of its network.
    const SCRIPT: &str = "ip link set lo up && ip address add 192.0.2.1/24 dev lo && exec \"$@\"";
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--net", "sh", "-c", SCRIPT, "sh"]).args(command);
    // A whole test runs inside.
    try_run_within(10 * PATIENCE, unshare.env(INSIDE, "1"))
}
