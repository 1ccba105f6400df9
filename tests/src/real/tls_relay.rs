//! TLS for programs that speak plain TCP alone, such as Debian's SIPp: each of their connections goes on as a TLS connection
//! of its own, and each TLS connection for them comes in as a plain one.
//!
//! Such a program has a shadow address, as long as the one that it seems to have, so that what it writes can be put right
//! without changing a length: its addresses, and that the transport is TLS. What it receives is passed on as it is.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Most bytes that wait for the end of their message.
const MESSAGE_BYTES_MAX: usize = 65_535;

/// An authority of the test's own, and certificates of it.
pub struct Certificates {
    authority: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Certificates {
    /// A new authority.
    pub fn new() -> Certificates {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = parameters.self_signed(&key).expect("a certificate").pem();
        Certificates { authority, issuer: Issuer::new(parameters, key) }
    }

    /// Writes the authority's certificate as `ca.pem`, and one for these names as `server.pem` with `server.key`.
    pub fn write(&self, folder: &Path, names: &[String]) {
        let (certificate, key) = self.sign(names);
        for (file, text) in [("ca.pem", &self.authority), ("server.pem", &certificate), ("server.key", &key)] {
            fs::write(folder.join(file), text).expect("a file");
        }
    }

    fn sign(&self, names: &[String]) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(names.to_vec()).expect("names or addresses");
        (parameters.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem())
    }

    fn acceptor(&self, names: &[String]) -> TlsAcceptor {
        let (certificate, key) = self.sign(names);
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = builder.expect("versions").with_no_client_auth().with_single_cert(chain, key);
        TlsAcceptor::from(Arc::new(config.expect("a certificate that fits its key")))
    }

    fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.as_bytes()).expect("a certificate")).expect("a root");
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Certificates::new()
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The address at which a program is that seems to be at another one: as long when it is written.
pub fn shadow_of(address: IpAddr) -> IpAddr {
    let IpAddr::V4(real) = address else { panic!("{address} has no shadow") };
    let [a, b, c, last] = real.octets();
    let shadow = IpAddr::from([a, b, c, last + 5]);
    assert_eq!(shadow.to_string().len(), address.to_string().len(), "{address} and {shadow}");
    shadow
}

/// A relay; it ends when it is dropped.
#[derive(Debug)]
pub struct TlsRelay {
    _runtime: Runtime,
}

/// What the relay's tasks share.
struct Relay {
    connector: TlsConnector,
    acceptor: TlsAcceptor,
    /// Where the server takes TLS.
    server: SocketAddr,
    /// What stands for what in the programs' messages.
    words: Vec<(String, String)>,
    real: Vec<IpAddr>,
}

impl TlsRelay {
    /// Takes plain connections for the server at `plain`, and TLS connections for the programs at `called`. The programs
    /// seem to be at the `real` addresses; each is at its shadow.
    pub fn start(
        certificates: &Certificates,
        (plain, server): (SocketAddr, SocketAddr),
        real: &[IpAddr],
        called: &[SocketAddr],
    ) -> TlsRelay {
        let names: Vec<String> = real.iter().map(IpAddr::to_string).collect();
        let mut words: Vec<(String, String)> = vec![
            ("SIP/2.0/TCP".into(), "SIP/2.0/TLS".into()),
            ("transport=TCP".into(), "transport=TLS".into()),
            ("transport=tcp".into(), "transport=tls".into()),
        ];
        words.extend(real.iter().map(|real| (shadow_of(*real).to_string(), real.to_string())));
        let relay = Arc::new(Relay {
            connector: certificates.connector(),
            acceptor: certificates.acceptor(&names),
            server,
            words,
            real: real.to_vec(),
        });
        // The threads are in the network of the one that starts them.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (calls, taken) = (Arc::clone(&relay), called.to_vec());
        runtime.block_on(async {
            let listener = TcpListener::bind(plain).await.expect("the relay's plain side");
            tokio::spawn(async move { calls.take_plain(listener).await });
            for called in taken {
                let listener = TcpListener::bind(called).await.expect("the relay's secure side");
                let relay = Arc::clone(&relay);
                tokio::spawn(async move { relay.take_secure(listener, called).await });
            }
        });
        TlsRelay { _runtime: runtime }
    }
}

impl Relay {
    async fn take_plain(self: Arc<Self>, listener: TcpListener) {
        while let Ok((plain, from)) = listener.accept().await {
            let relay = Arc::clone(&self);
            // An end of a connection is the test's business: it sees it at both its ends.
            tokio::spawn(async move { relay.go_on_secured(plain, from).await });
        }
    }

    async fn go_on_secured(&self, plain: TcpStream, from: SocketAddr) -> io::Result<()> {
        let real = self.real.iter().find(|real| shadow_of(**real) == from.ip()).copied().unwrap_or(from.ip());
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        // The server knows a trunk by its address, and its connection by its port.
        socket.bind(SocketAddr::new(real, from.port()))?;
        let stream = socket.connect(self.server).await?;
        let secure = self.connector.connect(ServerName::IpAddress(self.server.ip().into()), stream).await?;
        self.pump(plain, secure).await
    }

    async fn take_secure(self: Arc<Self>, listener: TcpListener, called: SocketAddr) {
        let program = SocketAddr::new(shadow_of(called.ip()), called.port());
        while let Ok((stream, _)) = listener.accept().await {
            let relay = Arc::clone(&self);
            tokio::spawn(async move {
                let secure = relay.acceptor.accept(stream).await?;
                relay.pump(TcpStream::connect(program).await?, secure).await
            });
        }
    }

    /// Both ways, until one side ends; then the other one does.
    async fn pump(&self, plain: TcpStream, secure: impl AsyncRead + AsyncWrite) -> io::Result<()> {
        let (mut plain_in, mut plain_out) = tokio::io::split(plain);
        let (mut secure_in, mut secure_out) = tokio::io::split(secure);
        let out = async {
            self.put_right(&mut plain_in, &mut secure_out).await?;
            secure_out.shutdown().await
        };
        let back = async {
            tokio::io::copy(&mut secure_in, &mut plain_out).await?;
            plain_out.shutdown().await
        };
        tokio::try_join!(out, back).map(drop)
    }

    async fn put_right(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        let mut waiting = Vec::new();
        while from.read_buf(&mut waiting).await? > 0 {
            while let Some(length) = message_length(&waiting) {
                let rest = waiting.split_off(length);
                let message = self.written_as_secured(&std::mem::replace(&mut waiting, rest));
                to.write_all(message.as_bytes()).await?;
                to.flush().await?;
            }
            assert!(waiting.len() <= MESSAGE_BYTES_MAX, "a message without an end");
        }
        Ok(())
    }

    /// Credentials stay as they are: their hash is over what they say.
    fn written_as_secured(&self, message: &[u8]) -> String {
        let text = String::from_utf8_lossy(message);
        let put_right = |line: &str| {
            if line.to_ascii_lowercase().contains("authorization:") {
                return line.to_owned();
            }
            self.words.iter().fold(line.to_owned(), |line, (word, right)| line.replace(word, right))
        };
        text.split_inclusive('\n').map(put_right).collect()
    }
}

/// The length of the first message, or of the blank line before it, if it is whole.
fn message_length(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(b"\r\n") {
        return Some(2);
    }
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let value = text.lines().find_map(|line| line.strip_prefix("content-length:").or(line.strip_prefix("l:")));
    let body: usize = value.and_then(|value| value.trim().parse().ok()).unwrap_or(0);
    (bytes.len() >= head + body).then_some(head + body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart_by_their_length() {
        let message = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabcOPTIONS";
        assert_eq!(message_length(message), Some(message.len() - 7));
        assert_eq!(message_length(&message[..message.len() - 8]), None);
        assert_eq!(message_length(b"\r\n\r\n"), Some(2));
        assert_eq!(message_length(b"A\r\n"), None);
    }

    #[test]
    fn a_shadow_is_as_long_as_its_address() {
        assert_eq!(shadow_of("10.77.0.2".parse().expect("an address")).to_string(), "10.77.0.7");
    }
}
