//! `directory.toml`: the business as a file, read whole or refused with file, line, table and key.

use std::path::Path;

use baton_contact::check::validate;
use baton_contact::directory::{Directory, DirectoryError};

use crate::sounds::SoundNames;
use crate::toml_text::{Problem, TomlText};

/// A directory that was read from a file.
#[derive(Debug)]
pub(crate) struct DirectoryFile {
    /// What it says.
    pub(crate) directory: Directory,
    source: TomlText,
}

impl DirectoryFile {
    /// Reads a file; its form only, see [`DirectoryFile::faults`].
    ///
    /// # Errors
    /// All that is wrong with its form, and where.
    pub(crate) fn load(path: &Path) -> Result<DirectoryFile, Vec<Problem>> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("the directory cannot be read: {error}");
            vec![Problem { file: name.clone(), place: None, key: String::new(), message, hint: None }]
        })?;
        DirectoryFile::parse(&name, &text)
    }

    /// Reads a text; `file` names it in messages.
    ///
    /// # Errors
    /// As [`DirectoryFile::load`].
    pub(crate) fn parse(file: &str, text: &str) -> Result<DirectoryFile, Vec<Problem>> {
        let (directory, source) = TomlText::parse(file, text)?;
        Ok(DirectoryFile { directory, source })
    }

    /// Everything in it that cannot stand, with its place.
    pub(crate) fn faults(&self) -> Vec<Problem> {
        validate(&self.directory).iter().map(|error| self.problem(error)).collect()
    }

    /// The entries whose music or prompts the node does not have, with their places.
    pub(crate) fn sound_faults(&self, names: &SoundNames) -> Vec<Problem> {
        names.errors(&self.directory).iter().map(|error| self.problem(error)).collect()
    }

    /// As [`DirectoryFile::faults`], but a phone without a password is none: a server that knows the phone keeps what it
    /// has, and one that does not says so.
    pub(crate) fn faults_before_apply(&self) -> Vec<Problem> {
        let is_password = |error: &&DirectoryError| error.table == "users" && error.key.ends_with("].password");
        validate(&self.directory).iter().filter(|error| !is_password(error)).map(|error| self.problem(error)).collect()
    }

    /// Where in the file an error is that was found here or by the server.
    pub(crate) fn problem(&self, error: &DirectoryError) -> Problem {
        let entry = self.source.entry_path(&error.table, name_key(&error.table), &error.entry);
        let path = match entry {
            Some(entry) => format!("{entry}.{}", error.key),
            None => format!("{}.{}", error.table, error.key),
        };
        let mut problem = self.source.problem(&path, error.message.clone(), error.hint.clone());
        // People know the entry by its name, not by its place in the list.
        problem.key = if error.entry.is_empty() {
            format!("{}.{}", error.table, error.key)
        } else {
            format!("{} \"{}\": {}", error.table, error.entry, error.key)
        };
        problem
    }
}

/// The key that names an entry of a table.
pub(crate) fn name_key(table: &str) -> &'static str {
    match table {
        "users" => "username",
        "numbers" => "number",
        "routes" => "prefix",
        _ => "name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        match DirectoryFile::parse("directory.toml", text) {
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
            Ok(file) => file.faults().iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn each_fault_names_file_line_table_and_key() {
        let cases = [
            (
                "[[queues]]\nname = \"support\"\n\n[[numbers]]\nnumber = \"100\"\nqueue = \"suport\"\n",
                "directory.toml:6:1: numbers \"100\": queue: unknown queue \"suport\"; did you mean \"support\"?",
            ),
            (
                "[[users]]\nusername = \"anna\"\n[[users.phones]]\nusername = \"anna-desk\"\npasword = \"x\"\n",
                "directory.toml:5:1: users[0].phones[0].pasword: unknown key \"pasword\"; did you mean \"password\"?",
            ),
            (
                "[[users]]\nusername = \"anna\"\nphones = [{ username = \"anna-desk\" }]\n",
                "directory.toml:3:11: users \"anna\": phones[0].password: the phone \"anna-desk\" has neither a password nor both of its hashes",
            ),
            (
                "[featureCodes]\nmute = \"*1\"\n",
                "directory.toml:2:1: featureCodes.mute: \"*1\" cannot be told from the code of `drop`",
            ),
            (
                "[[trunks]]\nname = \"x\"\nnumbers = { countryCode = \"49\" }\n",
                "directory.toml:3:13: trunks[0].numbers.countryCode: unknown key \"countryCode\"; did you mean \"country\"?",
            ),
            (
                "[[user]]\nusername = \"anna\"\n",
                "directory.toml:1:3: user: unknown key \"user\"; did you mean \"users\"?",
            ),
            (
                "[[quickConnects]]\nname = \"x\"\ntype = \"QUEU\"\n",
                "directory.toml:3:8: quickConnects[0].type: unknown value \"QUEU\"; did you mean \"QUEUE\"?",
            ),
            (
                "[[conferences]]\nname = \"room\"\n[[conferences]]\nname = \"room\"\n",
                "directory.toml:4:1: conferences \"room\": name: \"room\" is there twice in conferences",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(problems(text), [expected], "{text}");
        }
    }

    #[test]
    fn before_apply_a_missing_phone_password_is_left_to_the_server() {
        let text = "[[users]]\nusername = \"anna\"\nphones = [{ username = \"anna-desk\" }]\n";
        let file = DirectoryFile::parse("directory.toml", text).unwrap();
        assert_eq!(file.faults().len(), 1);
        assert_eq!(file.faults_before_apply(), []);
    }
}
