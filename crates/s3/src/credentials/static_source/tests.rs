use std::collections::HashMap;
use std::fs;

use super::*;
use access_broker_base::files::testing::replace;

fn environment(variables: &[(&str, &str)]) -> ReadEnv {
    let variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Arc::new(move |name| variables.get(name).cloned())
}

fn variable(name: &str) -> SecretSource {
    SecretSource::EnvironmentVariable(name.to_owned())
}

fn text_of(error: &ProviderError) -> String {
    access_broker_base::error_chain::error_chain(error)
}

#[tokio::test]
async fn values_come_from_the_given_environment() {
    let variables = [("ID", "AKID"), ("SECRET", "s3cret"), ("TOKEN", "t0ken"), ("END", "1970-01-12T13:46:40Z")];
    let session = SessionSource { token: variable("TOKEN"), expiration: variable("END") };
    let source =
        StaticCredentialsSource::new(variable("ID"), variable("SECRET"), Some(session), environment(&variables));
    let loaded = source.provide_credentials().await.unwrap();
    let end = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000);
    assert_eq!(loaded, Credentials::new("AKID", "s3cret", Some("t0ken".into()), Some(end), "StaticCredentialsSource"));
}

#[tokio::test]
async fn rotated_file_is_read_at_the_next_load() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let source = StaticCredentialsSource::new(
        variable("ID"),
        SecretSource::File(path.clone()),
        None,
        environment(&[("ID", "AKID")]),
    );
    for secret in ["first", "second"] {
        replace(&path, format!("{secret}\n").as_bytes());
        assert_eq!(source.provide_credentials().await.unwrap().secret_access_key(), secret);
    }
}

#[tokio::test]
async fn id_and_secret_of_different_rotations_are_never_paired() {
    // Each pass over the sources sees the id of one generation; the rotation falls between id and secret.
    let reads = std::sync::atomic::AtomicUsize::new(0);
    let environment: ReadEnv = Arc::new(move |name| {
        let read = reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let generation = if read == 0 { "old" } else { "new" };
        Some(format!("{generation}-{name}"))
    });
    let source = StaticCredentialsSource::new(variable("ID"), variable("SECRET"), None, environment);
    let loaded = source.provide_credentials().await.unwrap();
    assert_eq!((loaded.access_key_id(), loaded.secret_access_key()), ("new-ID", "new-SECRET"));
}

#[tokio::test]
async fn sources_that_never_settle_are_an_error() {
    let reads = std::sync::atomic::AtomicUsize::new(0);
    let environment: ReadEnv =
        Arc::new(move |_| Some(reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string()));
    let source = StaticCredentialsSource::new(variable("ID"), variable("SECRET"), None, environment);
    let error = source.provide_credentials().await.unwrap_err();
    assert!(text_of(&error).ends_with("keep changing while they are read"));
}

#[tokio::test]
async fn missing_and_empty_values_are_errors() {
    for (variables, expected) in [
        (&[("SECRET", "x")][..], "environment variable ID is not set"),
        (&[("ID", " \n"), ("SECRET", "x")][..], r#"EnvironmentVariable("ID") is empty"#),
    ] {
        let source = StaticCredentialsSource::new(variable("ID"), variable("SECRET"), None, environment(variables));
        let error = source.provide_credentials().await.unwrap_err();
        assert!(text_of(&error).ends_with(expected), "{}", text_of(&error));
    }
}

#[tokio::test]
async fn named_session_token_must_be_there_with_its_end() {
    for variables in
        [&[("END", "2030-01-01T00:00:00Z")][..], &[("TOKEN", "x")][..], &[("TOKEN", "x"), ("END", "soon")][..]]
    {
        let variables = [&[("ID", "x"), ("SECRET", "x")], variables].concat();
        let session = SessionSource { token: variable("TOKEN"), expiration: variable("END") };
        let source =
            StaticCredentialsSource::new(variable("ID"), variable("SECRET"), Some(session), environment(&variables));
        assert!(source.provide_credentials().await.is_err(), "{variables:?}");
    }
}

#[tokio::test]
async fn endless_file_is_not_read_to_its_end() {
    let source = StaticCredentialsSource::new(
        variable("ID"),
        SecretSource::File("/dev/zero".into()),
        None,
        environment(&[("ID", "AKID")]),
    );
    let error = source.provide_credentials().await.unwrap_err();
    assert!(text_of(&error).ends_with("/dev/zero is not a regular file"), "{}", text_of(&error));
}

#[tokio::test]
async fn errors_name_the_place_and_not_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, b"hunter2\xFF").unwrap();
    let source = StaticCredentialsSource::new(
        SecretSource::File(path),
        variable("SECRET"),
        None,
        environment(&[("SECRET", "hunter3")]),
    );
    let error = source.provide_credentials().await.unwrap_err();
    let everything = format!("{} {error:?} {source:?}", text_of(&error));
    assert!(everything.contains("/secret") && !everything.contains("hunter"), "{everything}");
}

/// A pair of files in a new directory.
fn pair_of_files(folder: &std::path::Path) -> StaticCredentialsSource {
    for name in ["id", "key"] {
        replace(&folder.join(name), b"old");
    }
    let file = |name: &str| SecretSource::File(folder.join(name));
    StaticCredentialsSource::new(file("id"), file("key"), None, environment(&[]))
}

#[tokio::test(start_paused = true)]
async fn a_pair_of_files_is_never_taken_up_by_halves() {
    let folder = tempfile::tempdir().unwrap();
    let source = pair_of_files(folder.path());
    source.provide_credentials().await.unwrap();
    replace(&folder.path().join("id"), b"new");
    let (reader, key) = (source.clone(), folder.path().join("key"));
    let loaded = tokio::spawn(async move { reader.provide_credentials().await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    replace(&key, b"new");
    let loaded = loaded.await.unwrap().unwrap();
    assert_eq!((loaded.access_key_id(), loaded.secret_access_key()), ("new", "new"));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_being_written_in_place_is_an_error_until_it_has_settled() {
    let folder = tempfile::tempdir().unwrap();
    let settle = Duration::from_mins(2);
    let source = pair_of_files(folder.path()).with_settle(settle);
    source.provide_credentials().await.unwrap();
    fs::write(folder.path().join("key"), "half").unwrap();
    let error = source.provide_credentials().await.unwrap_err();
    assert!(text_of(&error).ends_with("keep changing while they are read"), "{}", text_of(&error));
    tokio::time::sleep(settle).await;
    assert_eq!(source.provide_credentials().await.unwrap().secret_access_key(), "half");
}
