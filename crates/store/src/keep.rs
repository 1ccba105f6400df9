//! What the store keeps besides calls: the directory, registrations, statuses, log-ins, and which sinks there are.

use std::collections::BTreeMap;

use baton_contact::directory::Directory;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::rows::{integer, unsigned};
use crate::store::Store;

/// A log-in. Only the hash of the token is ever stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Hash of the token, as text (the caller chooses the hash).
    pub hash: String,
    /// The user name.
    pub user: String,
    /// When it expires, in milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

impl Store {
    /// The directory with its version, if one was stored.
    pub fn directory(&self) -> Result<Option<(u64, Directory)>, StoreError> {
        directory(&self.connection)
    }

    /// Replaces the directory; returns its new version, which rises by one each time.
    pub fn put_directory(&mut self, directory: &Directory) -> Result<u64, StoreError> {
        let json = serde_json::to_string(directory).map_err(StoreError::Unstorable)?;
        let mut put = self.connection.prepare_cached(
            "INSERT INTO directory (id, version, json) VALUES (1, 1, ?1)
             ON CONFLICT DO UPDATE SET version = version + 1, json = excluded.json RETURNING version",
        )?;
        Ok(put.query_row([json], |row| unsigned(row, 0))?)
    }

    /// The SIP realm for which the stored phone passwords hold, if one was noted (RFC 7616 §3.4.2: it is part of the hash).
    pub fn realm(&self) -> Result<Option<String>, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT value FROM meta WHERE key = 'realm'")?;
        Ok(select.query_row([], |row| row.get(0)).optional()?)
    }

    /// Notes the SIP realm for which stored phone passwords hold.
    pub fn put_realm(&mut self, realm: &str) -> Result<(), StoreError> {
        let mut put =
            self.connection.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('realm', ?1)")?;
        put.execute([realm])?;
        Ok(())
    }

    /// Hands over the bindings of each account, in the order of their names, one at a time: there may be very many (`B` is
    /// `baton_sip::Binding`; the store only keeps the documents). Those that cannot be read are logged and left out: the
    /// phone will register again.
    pub fn each_bindings<B: DeserializeOwned>(&self, mut take: impl FnMut(String, Vec<B>)) -> Result<(), StoreError> {
        let mut select = self.connection.prepare_cached("SELECT account, json FROM bindings ORDER BY account")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let account: String = row.get(0)?;
            match serde_json::from_str(row.get_ref(1)?.as_str().unwrap_or_default()) {
                Ok(list) => take(account, list),
                Err(why) => {
                    tracing::error!(%account, %why, "stored bindings cannot be read; the phone must register again")
                }
            }
        }
        Ok(())
    }

    /// Replaces the bindings of accounts, all in one transaction; none removes an account's.
    pub fn put_bindings<B: Serialize>(&mut self, accounts: &BTreeMap<String, Vec<B>>) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for (account, bindings) in accounts {
            if bindings.is_empty() {
                transaction.prepare_cached("DELETE FROM bindings WHERE account = ?1")?.execute([account])?;
                continue;
            }
            let json = serde_json::to_string(bindings).map_err(StoreError::Unstorable)?;
            transaction
                .prepare_cached("INSERT OR REPLACE INTO bindings (account, json) VALUES (?1, ?2)")?
                .execute((account, json))?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// The chosen status by agent.
    pub fn statuses(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT agent, status FROM statuses")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Sets the chosen status of an agent.
    pub fn put_status(&mut self, agent: &str, status: &str) -> Result<(), StoreError> {
        let mut put =
            self.connection.prepare_cached("INSERT OR REPLACE INTO statuses (agent, status) VALUES (?1, ?2)")?;
        put.execute([agent, status])?;
        Ok(())
    }

    /// All log-ins that have not expired at this time.
    pub fn tokens(&self, now_ms: u64) -> Result<Vec<Token>, StoreError> {
        let sql = "SELECT hash, user, expires_at_ms FROM tokens WHERE expires_at_ms > ?1";
        let mut select = self.connection.prepare_cached(sql)?;
        let rows = select.query_map([integer(now_ms)], token_of)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The log-in with this token hash, expired or not.
    pub fn token(&self, hash: &str) -> Result<Option<Token>, StoreError> {
        token(&self.connection, hash)
    }

    /// Stores a log-in.
    pub fn put_token(&mut self, token: &Token) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO tokens (hash, user, expires_at_ms) VALUES (?1, ?2, ?3)")?
            .execute((&token.hash, &token.user, integer(token.expires_at_ms)))?;
        Ok(())
    }

    /// Removes a log-in; false when there was none.
    pub fn remove_token(&mut self, hash: &str) -> Result<bool, StoreError> {
        Ok(self.connection.prepare_cached("DELETE FROM tokens WHERE hash = ?1")?.execute([hash])? > 0)
    }

    /// Removes all log-ins of a user; returns how many.
    pub fn remove_tokens_of(&mut self, user: &str) -> Result<usize, StoreError> {
        Ok(self.connection.prepare_cached("DELETE FROM tokens WHERE user = ?1")?.execute([user])?)
    }

    /// Removes the log-ins that have expired; returns how many.
    pub fn remove_expired_tokens(&mut self, now_ms: u64) -> Result<usize, StoreError> {
        let mut delete = self.connection.prepare_cached("DELETE FROM tokens WHERE expires_at_ms <= ?1")?;
        Ok(delete.execute([integer(now_ms)])?)
    }

    /// The names of the sinks that the outbox waits for. A new one gets what is written from now on; one that is no
    /// longer named is forgotten, with what only it was waiting for.
    pub fn set_sinks(&mut self, names: &[&str]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        let present: Vec<String> = {
            let mut select = transaction.prepare("SELECT name FROM sinks")?;
            select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        for gone in present.iter().filter(|name| !names.contains(&name.as_str())) {
            transaction.execute("DELETE FROM sinks WHERE name = ?1", [gone])?;
        }
        for name in names {
            let newest = integer(self.next_cursor - 1);
            transaction.execute("INSERT OR IGNORE INTO sinks (name, delivered) VALUES (?1, ?2)", (name, newest))?;
        }
        clear_delivered(&transaction)?;
        transaction.commit()?;
        self.has_sinks = !names.is_empty();
        Ok(())
    }
}

/// Removes from the outbox what every sink has.
pub(crate) fn clear_delivered(connection: &Connection) -> Result<(), StoreError> {
    let everywhere = "SELECT coalesce(min(delivered), 9223372036854775807) FROM sinks";
    connection.prepare_cached(&format!("DELETE FROM outbox WHERE cursor <= ({everywhere})"))?.execute([])?;
    Ok(())
}

pub(crate) fn directory(connection: &Connection) -> Result<Option<(u64, Directory)>, StoreError> {
    let mut select = connection.prepare_cached("SELECT version, json FROM directory")?;
    let found: Option<(u64, String)> = select.query_row([], |row| Ok((unsigned(row, 0)?, row.get(1)?))).optional()?;
    let Some((version, json)) = found else { return Ok(None) };
    match serde_json::from_str(&json) {
        Ok(directory) => Ok(Some((version, directory))),
        Err(why) => Err(StoreError::Corrupt { what: "directory".to_owned(), why: why.to_string() }),
    }
}

/// Rewrites the stored directory as a document, for one that this version does not read. Its version stays: it says the same. One
/// that is damaged is left to [`directory`] to complain of.
pub(crate) fn rewrite_directory(
    connection: &Connection,
    rewrite: impl FnOnce(&mut serde_json::Value) -> bool,
) -> Result<(), StoreError> {
    let mut select = connection.prepare("SELECT json FROM directory")?;
    let json: Option<String> = select.query_row([], |row| row.get(0)).optional()?;
    let Some(mut document) = json.and_then(|json| serde_json::from_str(&json).ok()) else { return Ok(()) };
    if rewrite(&mut document) {
        connection.execute("UPDATE directory SET json = ?1", [document.to_string()])?;
    }
    Ok(())
}

pub(crate) fn token(connection: &Connection, hash: &str) -> Result<Option<Token>, StoreError> {
    let mut select = connection.prepare_cached("SELECT hash, user, expires_at_ms FROM tokens WHERE hash = ?1")?;
    Ok(select.query_row([hash], token_of).optional()?)
}

fn token_of(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token { hash: row.get(0)?, user: row.get(1)?, expires_at_ms: unsigned(row, 2)? })
}
