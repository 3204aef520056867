//! Signals that do not stop the process, at every moment of its life.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::service_manager::Manager;
use crate::support::events::{
    CONFIGURATION_INVALID, Event, LOG_LEVEL_CHANGED, POLICY_ACTIVE, RESTART_NEEDED, STOPPING,
};
use crate::support::{
    EVERYBODY_READS, ISSUER, PATIENCE, Process, VARIABLES, configured, folder, issuer, log_lines, serving_at,
};

const SERVE: [&str; 3] = ["serve", "--config", "broker.toml"];

fn has_line(process: &Process, event: &Event) -> bool {
    log_lines(process).iter().any(|line| event.is(line))
}

fn wait_for_line(process: &mut Process, what: &str, event: &Event) {
    process.wait_for(what, |process| has_line(process, event).then_some(()));
}

#[tokio::test]
async fn neither_hangup_nor_the_users_signals_end_a_server_that_starts_serves_or_drains() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let (manager, path) = Manager::listen(folder.path());
    let (policy, is_written) = (folder.path().join("policy.toml"), AtomicBool::new(false));
    let variables = [("NOTIFY_SOCKET", path.as_str()), ("ACCESS_BROKER_SERVER__DRAIN_DELAY", "1s")];
    let variables = [&VARIABLES[..], &variables].concat();
    std::thread::scope(|scope| {
        // A policy that is being written is waited for.
        fs::write(&policy, EVERYBODY_READS).unwrap();
        let writer = scope.spawn(|| {
            let mut round = 0_u32;
            let started = Instant::now();
            while !is_written.load(Ordering::Relaxed) && started.elapsed() < 4 * PATIENCE {
                round += 1;
                fs::write(&policy, format!("{EVERYBODY_READS}\n# {round}\n")).unwrap();
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let mut process = Process::start(&SERVE, folder, &variables);
        manager.told_until("STATUS=starting: reading the policy");
        for signal in ["HUP", "USR1", "USR2", "HUP"] {
            process.signal(signal);
        }
        process.wait_for("ignored signals", |process| {
            let lines = log_lines(process);
            let is_told = |name: &str| lines.iter().any(|line| line["signal"] == name);
            (is_told("SIGUSR1") && is_told("SIGUSR2")).then_some(())
        });
        assert!(!has_line(&process, &POLICY_ACTIVE), "still at the start");
        is_written.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        serving_at(&mut process);
        // That which came during the start is heard now.
        process.wait_for("reload", |process| {
            log_lines(process).iter().any(|line| line["signal"] == "SIGHUP").then_some(())
        });
        process.signal("TERM");
        wait_for_line(&mut process, "the stop", &STOPPING);
        for signal in ["HUP", "USR1", "USR2", "HUP"] {
            process.signal(signal);
        }
        assert_eq!(process.exit().code(), Some(0), "{}", process.stderr());
    });
}

#[tokio::test]
async fn a_hangup_takes_the_log_level_from_a_valid_file_and_nothing_else() {
    let issuer = issuer().await;
    let folder = configured(ISSUER, issuer.jwks());
    let path = folder.path().join("broker.toml");
    let text = fs::read_to_string(&path).unwrap();
    let mut process = Process::start(&SERVE, folder, &VARIABLES);
    serving_at(&mut process);
    let write = |text: &str| {
        fs::write(path.with_extension("new"), text).unwrap();
        fs::rename(path.with_extension("new"), &path).unwrap();
    };
    write(&format!("{text}\n[log]\nlevel = 'loud'\n[nonsense]\n"));
    process.signal("HUP");
    process.wait_for("invalid file", |process| {
        let lines = log_lines(process);
        let problems = lines.iter().filter(|line| CONFIGURATION_INVALID.is(line));
        (problems.filter(|line| line["of"] == 2).count() == 2).then_some(())
    });
    assert!(!has_line(&process, &LOG_LEVEL_CHANGED));

    write(&format!("{}\n[log]\nlevel = 'error'\n", text.replace("\"5s\"", "\"6s\"")));
    process.signal("HUP");
    wait_for_line(&mut process, "another level", &LOG_LEVEL_CHANGED);
    process.signal("USR1");

    write(&format!("{}\n[log]\nlevel = 'debug'\n", text.replace("\"5s\"", "\"6s\"")));
    std::thread::sleep(Duration::from_millis(100));
    process.signal("HUP");
    process.wait_for("the second change", |process| {
        let lines = log_lines(process);
        (lines.iter().filter(|line| LOG_LEVEL_CHANGED.is(line)).count() == 2).then_some(())
    });
    let lines = log_lines(&process);
    let told: Vec<_> = lines.iter().filter(|line| RESTART_NEEDED.is(line)).collect();
    // Told before the change to a level that leaves it out; at that level a warning is not heard.
    assert_eq!((told.len(), &told[0]["sections"], &told[0]["level"]), (1, &"server".into(), &"WARN".into()));
    let changes: Vec<_> = lines.iter().filter(|line| LOG_LEVEL_CHANGED.is(line)).collect();
    let levels = |index: usize| (changes[index]["from"].clone(), changes[index]["to"].clone());
    assert_eq!(levels(0), ("INFO".into(), "ERROR".into()));
    assert_eq!(levels(1), ("ERROR".into(), "DEBUG".into()));
    assert!(!lines.iter().any(|line| line["signal"] == "SIGUSR1"), "not heard at the level error");
    process.signal("TERM");
    assert_eq!(process.exit().code(), Some(0));
}

#[test]
fn dev_is_ended_by_neither() {
    let folder = folder();
    let ready = folder.path().join("ready.json");
    let any = "127.0.0.1:0";
    let arguments = [
        "dev",
        "--grpc-addr",
        any,
        "--s3-addr",
        any,
        "--issuer-addr",
        any,
        "--admin-addr",
        any,
        "--ready-file",
        "ready.json",
    ];
    let mut process = Process::start(&arguments, folder, &[]);
    process.wait_for("dev", |_| ready.exists().then_some(()));
    for signal in ["HUP", "USR1", "USR2"] {
        process.signal(signal);
    }
    process.wait_for("signals", |process| process.stderr().contains("SIGUSR2").then_some(()));
    process.signal("TERM");
    assert_eq!(process.exit().code(), Some(0));
}
