//! A Unix domain socket in the file system.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingUnixStream;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// A bound socket. Its file is removed on drop.
pub(super) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode, which identify the file.
    file: (u64, u64),
}

impl UnixSocket {
    /// Binds a socket and sets its file's permissions. A socket without a listener, left by a killed process, is
    /// replaced; any other file at the path is an error.
    ///
    /// Between the two steps, the file has the permissions of the process's umask. The kernel reports who connects in
    /// any case; put the socket into a directory that only its users may enter.
    pub(super) fn bind(path: &Path, mode: u32) -> io::Result<Self> {
        remove_stale(path)?;
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self { listener, path: path.to_owned(), file: (metadata.dev(), metadata.ino()) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }

    /// Removes the file, so that no new connections are made. Existing ones can still be accepted.
    pub(super) fn remove_file(&self) {
        // A successor may have created its own socket at the path.
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.file);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "removing the socket's file failed");
        }
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        self.remove_file();
    }
}

fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(file) if !file.file_type().is_socket() => Err(io::ErrorKind::AlreadyExists.into()),
        Ok(_) => match BlockingUnixStream::connect(path) {
            Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
            Err(error) => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_socket_has_its_permissions_and_leaves_no_file_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broker.sock");
        let socket = UnixSocket::bind(&path, 0o660).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        let mut client = UnixStream::connect(&path).await.unwrap();
        let mut server = socket.accept().await.unwrap();
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn without_its_file_nothing_new_connects_and_what_has_connected_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broker.sock");
        let socket = UnixSocket::bind(&path, 0o600).unwrap();
        let _client = UnixStream::connect(&path).await.unwrap();
        socket.remove_file();
        assert_eq!(UnixStream::connect(&path).await.unwrap_err().kind(), io::ErrorKind::NotFound);
        socket.accept().await.unwrap();
    }

    #[tokio::test]
    async fn only_a_socket_without_a_listener_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broker.sock");
        let other = UnixListener::bind(&path).unwrap();
        assert_eq!(UnixSocket::bind(&path, 0o600).err().unwrap().kind(), io::ErrorKind::AddrInUse);
        drop(other);
        assert!(path.exists());
        UnixSocket::bind(&path, 0o600).unwrap();
        fs::write(&path, "precious").unwrap();
        assert_eq!(UnixSocket::bind(&path, 0o600).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn the_socket_of_a_successor_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broker.sock");
        let first = UnixSocket::bind(&path, 0o600).unwrap();
        fs::remove_file(&path).unwrap();
        let second = UnixSocket::bind(&path, 0o600).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
    }
}
