//! The program as an operator meets it: what it prints, and one clear sentence with a non-zero exit when it cannot.
#![allow(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod support;

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use support::{DIRECTORY, Folder, NODE, Server, command};

#[test]
fn a_wrong_configuration_starts_nothing() {
    let folder = Folder::new("wrong-config");
    folder.write("baton.toml", "[sip]\nrealmm = \"x\"\n");
    let expected = "baton: baton.toml:2:1: sip.realmm: unknown key \"realmm\"; did you mean \"realm\"?\n";
    assert_eq!(folder.refused(&["run", "--config", "baton.toml", "--data", "data"]), expected);
    assert_eq!(folder.refused(&["check"]), expected);
    assert_eq!(fs::read_dir(folder.0.join("data")).unwrap().count(), 0, "nothing was started");
    assert_eq!(
        folder.refused(&["run", "--config", "none.toml"]),
        "baton: none.toml: the configuration cannot be read: No such file or directory (os error 2)\n"
    );
}

#[test]
fn a_wrong_first_directory_starts_nothing() {
    let folder = Folder::new("wrong-directory");
    folder
        .write("baton.toml", NODE)
        .write("directory.toml", &DIRECTORY.replace("queue = \"support\"", "queue = \"suport\""));
    let refused = folder.refused(&["run", "--config", "baton.toml", "--data", "data"]);
    let expected =
        "baton: directory.toml:6:1: numbers \"100\": queue: unknown queue \"suport\"; did you mean \"support\"?\n";
    assert!(refused.ends_with(expected), "{refused}");
    assert!(!folder.0.join("data/api.address").exists(), "nothing was started");
}

/// The directories beside what common exchanges and carriers send are ready to be taken.
#[test]
fn the_directory_for_each_kind_of_trunk_passes_the_check() {
    let trunks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sip-fixtures/trunks");
    let mut folders: Vec<PathBuf> = fs::read_dir(trunks).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    for folder in folders {
        let output = command(&folder, &["check", "directory.toml"]).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert_eq!(said, ["directory.toml: ok\n".to_owned(), String::new()], "{}", folder.display());
        assert!(output.status.success(), "{}", folder.display());
    }
}

#[test]
fn a_missing_data_directory_is_said_in_one_sentence() {
    let folder = Folder::new("missing");
    folder.write("baton.toml", NODE);
    assert_eq!(
        folder.refused(&["run", "--config", "baton.toml", "--data", "nowhere"]),
        "baton: the data directory nowhere does not exist; create it, or name another with --data\n"
    );
    folder.write("baton.toml", &format!("{NODE}[store]\npath = \"nowhere/baton.db\"\n"));
    assert_eq!(
        folder.refused(&["run", "--config", "baton.toml", "--data", "data"]),
        "baton: the store's directory data/nowhere does not exist; create it, or choose another place for the store\n"
    );
}

#[test]
fn a_store_that_cannot_be_written_is_said_in_one_sentence() {
    let folder = Folder::new("read-only");
    // A directory that not even root can write to.
    folder.write("baton.toml", &format!("{NODE}[store]\npath = \"/proc/self/baton.db\"\n"));
    let refused = folder.refused(&["run", "--config", "baton.toml", "--data", "data"]);
    assert!(refused.starts_with("baton: the store /proc/self/baton.db is read-only; "), "{refused}");
    assert_eq!(refused.lines().count(), 1);
}

#[test]
fn a_port_in_use_is_named_with_its_key() {
    let folder = Folder::new("port");
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = udp.local_addr().unwrap().port();
    folder.write("baton.toml", &NODE.replace("address = \"127.0.0.1:0\"", &format!("address = \"127.0.0.1:{port}\"")));
    assert_eq!(
        folder.refused(&["run", "--config", "baton.toml", "--data", "data"]),
        format!(
            "baton: cannot listen on UDP 127.0.0.1:{port}: port {port} is in use by another program (sip.listeners[0] in baton.toml)\n"
        )
    );
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    folder.write("baton.toml", &NODE.replace("listen = \"127.0.0.1:0\"", &format!("listen = \"127.0.0.1:{port}\"")));
    assert_eq!(
        folder.refused(&["run", "--config", "baton.toml", "--data", "data"]),
        format!(
            "baton: cannot listen on TCP 127.0.0.1:{port}: port {port} is in use by another program (api.listen in baton.toml)\n"
        )
    );
}

#[test]
fn commands_without_a_server_say_so() {
    let folder = Folder::new("no-server");
    assert_eq!(
        folder.refused(&["calls", "--data", "data"]),
        "baton: no server has run on data; name its data directory with --data\n"
    );
    let refused = folder.refused(&["records", "--data", "data"]);
    assert!(refused.starts_with("baton: there is no store at data/baton.db; "), "{refused}");
    folder.write("data/api.address", "127.0.0.1:1\n").write("data/operator.token", "00\n");
    let refused = folder.refused(&["registrations", "--data", "data"]);
    assert!(refused.starts_with("baton: no server answers at 127.0.0.1:1: "), "{refused}");
}

#[test]
fn a_server_is_asked_changed_and_ended() {
    let folder = Folder::new("running");
    folder.write("baton.toml", NODE).write("directory.toml", DIRECTORY);
    let server = Server::start(&folder);
    assert_eq!(folder.printed(&["calls", "--data", "data"]), "CALL  UP  PARTY  TYPE  STATE  FOR  ADDRESS  NAME\n");
    assert_eq!(folder.printed(&["calls", "--data", "data", "--json"]), "");
    assert_eq!(
        folder.printed(&["registrations", "--data", "data"]),
        "PHONE  AGENT  REACHED AT  EXPIRES IN  FLOW  DEVICE  PATH  CONTACT  USER AGENT\n"
    );
    assert_eq!(
        folder.printed(&["subscriptions", "--data", "data"]),
        "PHONE  AGENT  EVENT  WATCHES  TOLD AT  EXPIRES IN\n"
    );
    assert_eq!(folder.printed(&["subscriptions", "--data", "data", "--json"]), "");
    assert_eq!(folder.printed(&["apply", "directory.toml", "--data", "data"]), "no changes\n");

    folder.write("directory.toml", &DIRECTORY.replace("\"100\"", "\"101\""));
    let difference = "+ numbers \"101\"\n- numbers \"100\"\n2 changes, ";
    assert_eq!(
        folder.printed(&["apply", "directory.toml", "--dry-run", "--data", "data"]),
        format!("{difference}nothing was applied; revision 1\n")
    );
    assert_eq!(
        folder.printed(&["apply", "directory.toml", "--data", "data"]),
        format!("{difference}applied; revision 2\n")
    );
    assert_eq!(folder.printed(&["apply", "directory.toml", "--data", "data"]), "no changes\n");

    let exported = folder.printed(&["export", "--data", "data"]);
    assert!(exported.contains("$argon2id$") && !exported.contains("secret"), "{exported}");
    folder.write("exported.toml", &exported);
    assert_eq!(folder.printed(&["check", "exported.toml"]), "exported.toml: ok\n");
    assert_eq!(folder.printed(&["apply", "exported.toml", "--data", "data"]), "no changes\n");
    let redacted = folder.printed(&["export", "--redacted", "--data", "data"]);
    assert!(!redacted.contains("ha1") && !redacted.contains("argon2"), "{redacted}");

    folder.write("directory.toml", &DIRECTORY.replace("\"support\"\n\n[[users", "\"suport\"\n\n[[users"));
    assert_eq!(
        folder.refused(&["apply", "directory.toml", "--data", "data"]),
        "baton: directory.toml:6:1: numbers \"100\": queue: unknown queue \"suport\"; did you mean \"support\"?\n"
    );
    let bert = "\n[[users]]\nusername = \"bert\"\nphones = [{ username = \"bert-desk\" }]\n";
    folder.write("directory.toml", &format!("{DIRECTORY}{bert}"));
    let refused = folder.refused(&["apply", "directory.toml", "--data", "data"]);
    let expected =
        "baton: directory.toml:15:11: users \"bert\": phones[0].password: the phone \"bert-desk\" has neither";
    assert!(refused.starts_with(expected), "{refused}");

    folder.write(
        "directory.toml",
        &DIRECTORY.replace("name = \"support\"\n", "name = \"support\"\nmusic = \"defualt\"\n"),
    );
    assert_eq!(
        folder.refused(&["apply", "directory.toml", "--data", "data"]),
        "baton: directory.toml:3:1: queues \"support\": music: unknown music \"defualt\"; did you mean \"default\"?\n"
    );

    for secret in ["operator.token", "api.secret", "baton.db", "baton.db-wal"] {
        let file = fs::metadata(folder.0.join("data").join(secret)).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o777, 0o600, "{secret}");
    }
    assert_eq!(server.stop(), Some(0));
    assert!(folder.printed(&["records", "--data", "data"]).starts_with("CURSOR  CONTACT  "));
    let unknown = "0b8e5a52-4b5c-4c6e-9a70-3f2f7a1d2c11";
    assert_eq!(
        folder.refused(&["records", "--contact", unknown, "--data", "data"]),
        format!("baton: the store knows no contact {unknown}\n")
    );
    folder.write("baton.toml", &format!("{NODE}\n[sip]\nrealm = \"other\"\n"));
    let refused = folder.refused(&["run", "--config", "baton.toml", "--data", "data"]);
    let expected = "baton: the stored phone passwords hold for the realm \"baton\", not for \"other\" (sip.realm in baton.toml); \
                    set it back, or begin with a new data directory\n";
    assert_eq!(refused, expected);
}
