//! The data directory: the store, the secrets and the address of the API, for the commands that ask a running server.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::random;

/// The default place; made when it is not there.
pub(crate) const DEFAULT: &str = "data";

/// The data directory.
#[derive(Debug, Clone)]
pub(crate) struct DataDirectory {
    path: PathBuf,
}

impl DataDirectory {
    /// The directory for a server. One that was named must be there; the default one is made.
    ///
    /// # Errors
    /// One sentence, when it is not there or cannot be written.
    pub(crate) fn for_server(named: Option<&Path>) -> Result<DataDirectory, String> {
        let path = named.unwrap_or(Path::new(DEFAULT)).to_owned();
        if named.is_none() && !path.exists() {
            let made = DirBuilder::new().mode(0o700).create(&path);
            made.map_err(|e| format!("the data directory {} cannot be made: {e}", path.display()))?;
        }
        if !path.is_dir() {
            return Err(format!(
                "the data directory {} does not exist; create it, or name another with --data",
                path.display()
            ));
        }
        Ok(DataDirectory { path })
    }

    /// The directory for a command that asks a server.
    pub(crate) fn for_client(named: Option<&Path>) -> DataDirectory {
        DataDirectory { path: named.unwrap_or(Path::new(DEFAULT)).to_owned() }
    }

    /// A path of the configuration; a relative one lies in here.
    pub(crate) fn join(&self, path: &Path) -> PathBuf {
        self.path.join(path)
    }

    /// A secret of this node, made at the first start and kept: what it signs stays good over a restart.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn secret(&self, name: &str) -> Result<[u8; 32], String> {
        let path = self.path.join(name);
        if let Some(text) = read_secret(&path)? {
            return random::from_hex(&text)
                .ok_or_else(|| format!("{} is damaged; remove it, and a new secret is made", path.display()));
        }
        let secret = random::bytes::<32>().map_err(|error| format!("no randomness: {error}"))?;
        write_private(&path, &random::to_hex(&secret))?;
        Ok(secret)
    }

    /// The operator's token: whoever can read this file is an administrator. Kept over restarts.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn make_operator_token(&self) -> Result<String, String> {
        let path = self.path.join("operator.token");
        if let Some(text) = read_secret(&path)?
            && random::from_hex::<32>(&text).is_some()
        {
            return Ok(text.trim().to_owned());
        }
        let token = random::token().map_err(|error| format!("no randomness: {error}"))?;
        write_private(&path, &token)?;
        Ok(token)
    }

    /// The operator's token, for a command.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn operator_token(&self) -> Result<String, String> {
        let path = self.path.join("operator.token");
        let text = fs::read_to_string(&path).map_err(|error| {
            format!(
                "the operator's token {} cannot be read ({error}); name the server's data directory with --data",
                path.display()
            )
        })?;
        Ok(text.trim().to_owned())
    }

    /// Notes where the API listens, for commands.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn write_api_address(&self, address: SocketAddr) -> Result<(), String> {
        let path = self.path.join("api.address");
        fs::write(&path, format!("{address}\n"))
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))
    }

    /// Where the API listens, as the server noted it.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn api_address(&self) -> Result<SocketAddr, String> {
        let path = self.path.join("api.address");
        let text = fs::read_to_string(&path).map_err(|_| {
            format!("no server has run on {}; name its data directory with --data", self.path.display())
        })?;
        text.trim().parse().map_err(|_| format!("{} holds no address", path.display()))
    }
}

/// A secret's text; absent when there is no such file. One that is there and cannot be read is not replaced.
fn read_secret(path: &Path) -> Result<Option<String>, String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // Not text: damaged, as its reader finds.
        Err(error) if error.kind() == ErrorKind::InvalidData => Ok(Some(String::new())),
        Err(error) => {
            Err(format!("the secret {} cannot be read: {error}; make it readable for this user", path.display()))
        }
    }
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new).map_err(failed)?;
    file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
    file.write_all(format!("{text}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&new, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_cannot_be_read_is_not_replaced() {
        let path = std::env::temp_dir().join(format!("baton-secret-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("api.secret")).unwrap();
        let data = DataDirectory::for_server(Some(&path)).unwrap();
        let sentence = data.secret("api.secret").unwrap_err();
        assert!(sentence.starts_with("the secret ") && sentence.contains(" cannot be read: "), "{sentence}");
        let token = data.make_operator_token().unwrap();
        assert_eq!(data.make_operator_token().unwrap(), token);
        let mode = fs::metadata(path.join("operator.token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(&path).unwrap();
    }
}
