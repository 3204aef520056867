use std::os::unix::fs::PermissionsExt;

use super::*;

fn settings(folder: &Path, rotate_size: u64) -> AuditFileSettings {
    AuditFileSettings { path: folder.join("audit.jsonl"), rotate_size, rotate_keep: 100 }
}

fn text(folder: &Path) -> String {
    fs::read_to_string(folder.join("audit.jsonl")).unwrap()
}

/// The names in the folder but for the file itself.
fn others(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| !path.ends_with("audit.jsonl"));
    paths.sort();
    paths
}

#[test]
fn a_new_file_is_its_owners_alone_and_one_that_is_there_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = AuditFile::open(&settings(folder.path(), 1_000)).unwrap();
    assert!(file.append(b"{1}\n").unwrap().is_some());
    let mode = fs::metadata(folder.path().join("audit.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(file);
    AuditFile::open(&settings(folder.path(), 1_000)).unwrap().append(b"{2}\n").unwrap();
    assert_eq!(text(folder.path()), "{1}\n{2}\n");
}

#[test]
fn a_torn_last_line_is_closed_off_with_the_next_record() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("audit.jsonl"), "{1}\n{2").unwrap();
    let mut file = AuditFile::open(&settings(folder.path(), 1_000)).unwrap();
    file.append(b"{3}\n").unwrap();
    file.append(b"{4}\n").unwrap();
    assert_eq!(text(folder.path()), "{1}\n{2\n{3}\n{4}\n");
}

#[test]
fn a_file_that_somebody_else_writes_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = AuditFile::open(&settings(folder.path(), 1_000)).unwrap();
    assert!(matches!(AuditFile::open(&settings(folder.path(), 1_000)), Err(AuditFileError::InUse)));
    drop(first);
    assert!(AuditFile::open(&settings(folder.path(), 1_000)).is_ok());
}

#[test]
fn what_is_no_regular_file_or_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for path in [PathBuf::from("/dev/full"), PathBuf::from("/dev/null")] {
        let settings = AuditFileSettings { path, ..settings(folder.path(), 1_000) };
        assert!(matches!(AuditFile::open(&settings), Err(AuditFileError::Irregular)));
    }
    for path in [folder.path().to_owned(), folder.path().join("missing/audit.jsonl")] {
        let settings = AuditFileSettings { path, ..settings(folder.path(), 1_000) };
        assert!(matches!(AuditFile::open(&settings), Err(AuditFileError::Unopenable(_))));
    }
}

#[test]
fn a_file_is_put_aside_before_it_grows_over_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = AuditFile::open(&settings(folder.path(), 8)).unwrap();
    for lines in ["{1}\n", "{2}\n", "{3}\n", "{4}\n{5}\n{6}\n", "{7}\n"] {
        file.append(lines.as_bytes()).unwrap();
    }
    let aside: Vec<_> = others(folder.path()).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(aside, ["{1}\n{2}\n", "{3}\n", "{4}\n{5}\n{6}\n"]);
    assert_eq!(text(folder.path()), "{7}\n");
}

#[test]
fn only_so_many_files_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let settings = AuditFileSettings { rotate_keep: 2, ..settings(folder.path(), 4) };
    let mut file = AuditFile::open(&settings).unwrap();
    for number in 0..6 {
        file.append(format!("{{{number}}}\n").as_bytes()).unwrap();
    }
    let aside: Vec<_> = others(folder.path()).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(aside, ["{3}\n", "{4}\n"]);
}

#[test]
fn a_rotation_that_fails_leaves_everything_and_the_next_tries_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = AuditFile::open(&settings(folder.path(), 4)).unwrap();
    file.append(b"{1}\n").unwrap();
    // A folder in the place of the next file, which even the superuser cannot open for writing.
    fs::create_dir(folder.path().join("audit.jsonl.next")).unwrap();
    for _ in 0..2 {
        assert_eq!(file.append(b"{2}\n").unwrap_err().failure, AuditFailure::Rotate);
        assert_eq!(text(folder.path()), "{1}\n");
    }
    fs::remove_dir(folder.path().join("audit.jsonl.next")).unwrap();
    file.append(b"{3}\n").unwrap();
    assert_eq!(text(folder.path()), "{3}\n");
    assert_eq!(fs::read_to_string(&others(folder.path())[0]).unwrap(), "{1}\n");
}

#[test]
fn a_rotation_that_was_interrupted_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("audit.jsonl.2020-01-01T00-00-00.000000Z"), "{1}\n").unwrap();
    fs::write(folder.path().join("audit.jsonl.next"), "").unwrap();
    let mut file = AuditFile::open(&settings(folder.path(), 4)).unwrap();
    file.append(b"{2}\n").unwrap();
    file.append(b"{3}\n").unwrap();
    let aside: Vec<_> = others(folder.path()).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!((aside, text(folder.path()).as_str()), (vec!["{1}\n".to_owned(), "{2}\n".to_owned()], "{3}\n"));
}

#[test]
fn a_file_that_was_moved_or_removed_is_replaced_and_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("audit.jsonl"), folder.path().join("moved"));
    let mut file = AuditFile::open(&settings(folder.path(), 1_000)).unwrap();
    file.append(b"{1}\n").unwrap();
    fs::rename(&path, &moved).unwrap();
    file.append(b"{2}\n").unwrap();
    assert_eq!((fs::read_to_string(&moved).unwrap().as_str(), text(folder.path()).as_str()), ("{1}\n", "{2}\n"));
    fs::remove_file(&path).unwrap();
    file.append(b"{3}\n").unwrap();
    assert_eq!(text(folder.path()), "{3}\n");
    fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(file.append(b"{4}\n").unwrap_err().failure, AuditFailure::Open);
}

#[test]
fn a_file_that_somebody_emptied_is_not_filled_with_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = AuditFile::open(&settings(folder.path(), 1_000)).unwrap();
    file.append(b"{1}\n").unwrap();
    File::create(folder.path().join("audit.jsonl")).unwrap();
    file.append(b"{2}\n").unwrap();
    assert_eq!(text(folder.path()), "{2}\n");
}

#[test]
fn a_link_is_followed_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("audit.jsonl"));
    fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(real.join("a"), &link).unwrap();
    let mut file = AuditFile::open(&settings(folder.path(), 4)).unwrap();
    file.append(b"{1}\n").unwrap();
    file.append(b"{2}\n").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(text(folder.path()), "{2}\n");
    assert_eq!(fs::read_dir(&real).unwrap().count(), 2);
}
