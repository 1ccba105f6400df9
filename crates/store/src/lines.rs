//! A file of lines that only grows, and survives being cut, moved or filled up.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How much is read at a time when the end of the last whole line is looked for.
const CHUNK: u64 = 64 * 1024;

/// A file of lines.
#[derive(Debug)]
pub(crate) struct LineFile {
    path: PathBuf,
    rotate_bytes: Option<u64>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Which file that is: another one may have taken its name.
    inode: u64,
    /// Up to the end of the last whole line.
    size: u64,
}

impl LineFile {
    pub(crate) fn new(path: PathBuf, rotate_bytes: Option<u64>) -> Self {
        LineFile { path, rotate_bytes, open: None }
    }

    /// Writes whole lines (each ends with a line feed), and has them on the disk before it returns. On an error none of
    /// them counts as written, and what part of them arrived is cut off.
    pub(crate) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        self.rotate()?;
        let open = self.opened()?;
        let written = open.file.write_all(lines).and_then(|()| open.file.sync_data());
        match written {
            Ok(()) => open.size += lines.len() as u64,
            Err(_) => {
                let _ = open.file.set_len(open.size); // if that fails too, the next opening cuts it
                self.open = None;
            }
        }
        written
    }

    fn opened(&mut self) -> io::Result<&mut Open> {
        let moved = |open: &Open| fs::metadata(&self.path).map_or(true, |found| found.ino() != open.inode);
        let open = match self.open.take() {
            Some(open) if !moved(&open) => open,
            _ => Open::at(&self.path)?,
        };
        Ok(self.open.insert(open))
    }

    /// Gives a full file another name; nothing is ever deleted here.
    fn rotate(&mut self) -> io::Result<()> {
        let Some(limit) = self.rotate_bytes else { return Ok(()) };
        if self.opened()?.size < limit.max(1) {
            return Ok(());
        }
        let number = last_number(&self.path)? + 1;
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        fs::rename(&self.path, name)?;
        self.open = None;
        Ok(())
    }
}

impl Open {
    /// Opens for appending; a last line without an end was cut by a crash, and is removed: it comes again.
    fn at(path: &Path) -> io::Result<Open> {
        let mut file = File::options().create(true).append(true).read(true).open(path)?;
        let size = whole_lines(&mut file)?;
        if file.metadata()?.len() > size {
            file.set_len(size)?;
        }
        Ok(Open { inode: file.metadata()?.ino(), file, size })
    }
}

/// How many bytes there are up to the last line feed.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    while end > 0 {
        let start = end.saturating_sub(CHUNK);
        let mut chunk = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.take(end - start).read_to_end(&mut chunk)?;
        if let Some(at) = chunk.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// The highest `n` of the files `<name>.<n>`.
fn last_number(path: &Path) -> io::Result<u64> {
    let mut prefix: OsString = path.file_name().unwrap_or_default().to_owned();
    prefix.push(".");
    let prefix = prefix.to_string_lossy().into_owned();
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut last = 0;
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix(&prefix).and_then(|rest| rest.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}
