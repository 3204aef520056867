//! When a content is used, with reads and time passed in; and what a read finds on a real file system.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use proptest::prelude::*;

use super::testing::*;
use super::*;

const SETTLE: Duration = Duration::from_secs(10);

/// The state after each of some reads of a file whose content "a" of inode 1 is active.
fn standings(looks: &[(f64, Observation)]) -> Vec<FilesState> {
    let mut tracker = Tracker::new(SETTLE, &[created(1, "a")]);
    looks.iter().map(|(at, sight)| tracker.observe(std::slice::from_ref(sight), Duration::from_secs_f64(*at))).collect()
}

fn last(looks: &[(f64, Observation)]) -> FilesState {
    *standings(looks).last().unwrap()
}

fn pending(seconds: f64) -> FilesState {
    FilesState::Pending { unchanged_for: Duration::from_secs_f64(seconds) }
}

fn counting(writing: ChangeMethod, seconds: f64) -> FilesState {
    FilesState::Usable { writing, unchanged_for: Duration::from_secs_f64(seconds) }
}

#[test]
fn the_active_content_stays_active_in_any_file() {
    assert_eq!(last(&[(1.0, created(1, "a"))]), FilesState::Active);
    assert_eq!(last(&[(1.0, moved(2, "a"))]), FilesState::Active);
    assert_eq!(last(&[(1.0, moved(2, "b")), (1.5, moved(3, "a"))]), FilesState::Active);
}

#[test]
fn a_replaced_file_counts_after_two_equal_looks() {
    let found = standings(&[(1.0, moved(2, "b")), (1.4, moved(2, "b")), (1.5, moved(2, "b"))]);
    assert_eq!(found, [pending(0.0), pending(0.4), counting(ChangeMethod::Moved, 0.5)]);
    assert_eq!(last(&[(1.0, created(2, "b")), (1.5, created(2, "b"))]), counting(ChangeMethod::Created, 0.5));
}

#[test]
fn a_link_that_leads_elsewhere_is_a_file_that_was_moved() {
    let elsewhere = || sight("/..2026_02/policy.toml", 2, "b", false);
    assert_eq!(last(&[(1.0, elsewhere()), (1.5, elsewhere())]), counting(ChangeMethod::NewTarget, 0.5));
}

#[test]
fn a_file_replaced_again_begins_anew() {
    let looks = [(1.0, moved(2, "b")), (1.4, moved(3, "c")), (1.8, moved(3, "c")), (1.9, moved(3, "c"))];
    assert_eq!(standings(&looks)[2..], [pending(0.4), counting(ChangeMethod::Moved, 0.5)]);
    // The same content in another file may be the beginning of yet another.
    assert_eq!(last(&[(1.0, moved(2, "b")), (1.5, moved(3, "b"))]), pending(0.0));
}

#[test]
fn a_file_changed_in_place_counts_once_it_has_settled() {
    let looks = [(1.0, created(1, "b")), (1.5, created(1, "b")), (10.9, created(1, "b")), (11.0, created(1, "b"))];
    assert_eq!(standings(&looks)[1..], [pending(0.5), pending(9.9), counting(ChangeMethod::InPlace, 10.0)]);
    let slow = [(1.0, created(1, "b")), (10.0, created(1, "bc")), (19.9, created(1, "bc")), (20.0, created(1, "bc"))];
    assert_eq!(standings(&slow)[1..], [pending(0.0), pending(9.9), counting(ChangeMethod::InPlace, 10.0)]);
}

#[test]
fn a_new_file_that_is_seen_to_grow_is_changed_in_place() {
    let looks = [(1.0, moved(2, "b")), (1.5, moved(2, "bc")), (11.4, moved(2, "bc")), (11.5, moved(2, "bc"))];
    assert_eq!(standings(&looks)[1..], [pending(0.0), pending(9.9), counting(ChangeMethod::InPlace, 10.0)]);
}

#[test]
fn a_file_touched_later_was_not_moved() {
    let looks = [(1.0, created(2, "b")), (1.5, moved(2, "b"))];
    assert_eq!(last(&looks), counting(ChangeMethod::Created, 0.5));
}

#[test]
fn a_file_that_was_away_is_still_the_same_file() {
    let away = || Observation::Unusable(FileError::Unreadable(std::io::ErrorKind::PermissionDenied));
    let looks = [(1.0, away()), (2.0, created(1, "b")), (11.9, created(1, "b")), (12.0, created(1, "b"))];
    assert_eq!(standings(&looks)[1..], [pending(0.0), pending(9.9), counting(ChangeMethod::InPlace, 10.0)]);
    // A missing file is handled like any other content.
    let absent = || Observation::Unusable(FileError::Absent);
    let looks = [(1.0, absent()), (1.5, absent()), (2.0, created(1, "a"))];
    assert_eq!(standings(&looks), [pending(0.0), counting(ChangeMethod::Moved, 0.5), FilesState::Active]);
    assert_eq!(last(&[(1.0, absent()), (1.5, away())]), pending(0.0));
}

#[test]
fn of_a_set_the_least_sure_file_and_the_last_change_decide() {
    let mut tracker = Tracker::new(SETTLE, &[created(1, "a"), created(2, "x")]);
    let mut at = |seconds: f64, first: Observation, second: Observation| {
        tracker.observe(&[first, second], Duration::from_secs_f64(seconds))
    };
    assert_eq!(at(1.0, moved(3, "b"), created(2, "x")), pending(0.0));
    assert_eq!(at(1.5, moved(3, "b"), created(2, "y")), pending(0.0));
    assert_eq!(at(11.4, moved(3, "b"), created(2, "y")), pending(9.9));
    assert_eq!(at(11.5, moved(3, "b"), created(2, "y")), counting(ChangeMethod::InPlace, 10.0));
    tracker.accept();
    assert_eq!(tracker.observe(&[moved(3, "b"), created(2, "y")], SETTLE * 2), FilesState::Active);
    let after = [moved(4, "c"), created(2, "y")];
    tracker.observe(&after, SETTLE * 3);
    // How the other file was written no longer matters.
    assert_eq!(tracker.observe(&after, SETTLE * 3 + REREAD_DELAY), counting(ChangeMethod::Moved, 0.5));
}

#[test]
fn what_was_written_in_place_and_put_back_is_history() {
    let mut tracker = Tracker::new(SETTLE, &[created(1, "a"), created(2, "x")]);
    tracker.observe(&[created(1, "b"), created(2, "x")], SETTLE);
    assert_eq!(tracker.observe(&[created(1, "a"), created(2, "x")], SETTLE * 2), FilesState::Active);
    let after = [created(1, "a"), moved(3, "y")];
    tracker.observe(&after, SETTLE * 3);
    assert_eq!(tracker.observe(&after, SETTLE * 3 + REREAD_DELAY), counting(ChangeMethod::Moved, 0.5));
}

proptest! {
    /// After any changes of a file: a content is used only if all reads found it for long enough, and the settling time
    /// applies to each content that was written into a file that had been read with another one.
    #[test]
    fn nothing_counts_that_was_not_there_for_long_enough(
        looks in proptest::collection::vec((1_u32..40, 1_u64..4, 0_u8..3), 1..40)
    ) {
        let mut tracker = Tracker::new(SETTLE, &[created(1, "0")]);
        let mut seen: Vec<(Duration, u64, u8)> = vec![(Duration::ZERO, 1, 0)];
        for (tenths, inode, content) in looks {
            let now = seen.last().unwrap().0 + Duration::from_millis(100) * tenths;
            seen.push((now, inode, content));
            let standing = tracker.observe(&[created(inode, &content.to_string())], now);
            let same = seen.iter().rev().take_while(|look| look.1 == inode && look.2 == content);
            let first = same.last().unwrap().0;
            let before = seen.iter().rev().find(|look| look.1 != inode || look.2 != content);
            match standing {
                FilesState::Active => prop_assert_eq!(content, 0),
                FilesState::Pending { unchanged_for } => prop_assert_eq!(Some(unchanged_for), now.checked_sub(first)),
                FilesState::Usable { writing, unchanged_for } => {
                    prop_assert_eq!(Some(unchanged_for), now.checked_sub(first));
                    prop_assert!(content != 0 && unchanged_for >= REREAD_DELAY);
                    if before.is_some_and(|before| before.1 == inode) {
                        prop_assert!(writing == ChangeMethod::InPlace && unchanged_for >= SETTLE);
                    }
                }
            }
        }
    }
}

#[test]
fn a_read_tells_absent_empty_unreadable_and_elsewhere_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("file"), "12345").unwrap();
    fs::write(path("empty"), "").unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    symlink("file", path("link")).unwrap();
    let problem = |name: &str| read(&path(name), 5).map(|_| ()).unwrap_err();
    assert_eq!(problem("absent"), FileError::Absent);
    assert_eq!(problem("dangling"), FileError::DanglingLink);
    assert_eq!(problem("file/in/a/file"), FileError::Unreadable(std::io::ErrorKind::NotADirectory));
    assert_eq!(problem(""), FileError::NotRegular);
    assert_eq!(read(Path::new("/dev/zero"), 5).unwrap_err(), FileError::NotRegular);
    assert!(read(&path("empty"), 5).unwrap().content.is_empty());
    let by_link = read(&path("link"), 5).unwrap();
    assert_eq!((by_link.content.as_slice(), by_link.id), (&b"12345"[..], read(&path("file"), 5).unwrap().id));
    assert_eq!(read(&path("file"), 4).unwrap_err(), FileError::TooLarge(4));
    let words = [FileError::TooLarge(1_024 * 1_024), FileError::TooLarge(16 * 1_024), FileError::TooLarge(1_500)];
    let words = words.map(|problem| problem.to_string());
    assert_eq!(words, ["is larger than 1 MiB", "is larger than 16 KiB", "is larger than 1500 bytes"]);
}

#[test]
fn a_fifo_is_refused_without_waiting_for_its_writer() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert_eq!(read(&fifo, 5).unwrap_err(), FileError::NotRegular);
}

#[test]
fn replacing_gives_another_file_and_writing_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "a").unwrap();
    let first = read(&path, 5).unwrap();
    fs::write(&path, "b").unwrap();
    let written = read(&path, 5).unwrap();
    assert_eq!(written.id, first.id);
    // Keeps the inode number of the removed file from being reused.
    let _held = fs::File::open(&path).unwrap();
    replace(&path, b"c");
    let replaced = read(&path, 5).unwrap();
    assert_ne!(replaced.id, first.id);
    assert!(!replaced.id.has_other_target(&first.id));

    for (version, content) in [("v1", "d"), ("v2", "e")] {
        fs::create_dir(folder.path().join(version)).unwrap();
        fs::write(folder.path().join(version).join("file"), content).unwrap();
    }
    let data = folder.path().join("..data");
    symlink("v1", &data).unwrap();
    let before = read(&data.join("file"), 5).unwrap();
    symlink("v2", folder.path().join("new")).unwrap();
    fs::rename(folder.path().join("new"), &data).unwrap();
    let after = read(&data.join("file"), 5).unwrap();
    assert_eq!((before.content.as_slice(), after.content.as_slice()), (&b"d"[..], &b"e"[..]));
    assert!(before.id.has_other_target(&after.id));
}
