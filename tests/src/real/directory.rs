//! A folder of one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A new folder, removed on drop. When the test fails it stays, and its path is printed.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// Makes a folder with a name of its own.
    pub fn new() -> Directory {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("baton-e2e-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary folder");
        Directory(path)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes a folder in it.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(&path).expect("a folder in a temporary folder");
        path
    }
}

impl Default for Directory {
    fn default() -> Self {
        Directory::new()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("logs and recordings are kept in {}", self.0.display());
        } else {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
