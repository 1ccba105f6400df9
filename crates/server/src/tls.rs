//! TLS for SIP: certificates and trust from files, one certificate or several by the name that the peer asks for (SNI), and a
//! watch over the files. What is put in force serves new connections; those that are up keep what they began with.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use baton_sip::ListenerId;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use webpki::EndEntityCert;

use crate::config::{ClientCertificates, Listener, Node, Transport};
use crate::metrics::Metrics;

/// Most names of a certificate that are looked at.
const NAMES_MAX: usize = 100;
/// How often the files are looked at.
const WATCH_EVERY: Duration = Duration::from_secs(5);

/// What a listener's connections use.
#[derive(Debug, Clone)]
pub(crate) struct ListenerTls {
    /// For connections that come in.
    pub(crate) server: Arc<ServerConfig>,
    /// For connections that we open from it.
    client: Arc<ClientConfig>,
    /// Whether a peer's certificate is of a trusted authority; `None` where there is none.
    verifier: Option<Arc<WebPkiServerVerifier>>,
}

impl ListenerTls {
    /// For a connection to a peer whose certificate must bear one of these names; the first is whom it is asked for.
    ///
    /// # Errors
    /// A sentence when none of them can be the name of anybody.
    pub(crate) fn asking_for(&self, names: &[String]) -> Result<(Arc<ClientConfig>, ServerName<'static>), String> {
        let mut names = names.iter().filter_map(|name| ServerName::try_from(name.clone()).ok());
        let first = names.next().ok_or("no certificate can bear its name")?;
        let others: Vec<_> = names.collect();
        let Some(verifier) = self.verifier.clone().filter(|_| !others.is_empty()) else {
            return Ok((self.client.clone(), first));
        };
        let mut client = ClientConfig::clone(&self.client);
        // What another connection has verified says nothing about these names.
        client.resumption = Resumption::disabled();
        client.dangerous().set_certificate_verifier(Arc::new(OneOf { verifier, others }));
        Ok((Arc::new(client), first))
    }
}

/// Verifies as ever, for the name that is asked for or for one of these.
#[derive(Debug)]
struct OneOf {
    verifier: Arc<WebPkiServerVerifier>,
    others: Vec<ServerName<'static>>,
}

impl ServerCertVerifier for OneOf {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        asked: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |name: &ServerName<'_>| self.verifier.verify_server_cert(leaf, chain, name, ocsp, now);
        verify(asked).or_else(|fault| self.others.iter().find_map(|name| verify(name).ok()).ok_or(fault))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// What is in force, by listener.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tls {
    in_force: Arc<RwLock<BTreeMap<ListenerId, ListenerTls>>>,
}

impl Tls {
    /// Reads all that the configuration names.
    ///
    /// # Errors
    /// One sentence for each file that cannot be used.
    pub(crate) fn load(node: &Node) -> Result<Tls, Vec<String>> {
        Ok(Tls { in_force: Arc::new(RwLock::new(read(node)?)) })
    }

    /// What a listener uses now; `None` for one without TLS.
    pub(crate) fn of(&self, listener: ListenerId) -> Option<ListenerTls> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).get(&listener).cloned()
    }

    /// Puts changed files in force, for as long as the runtime lives. Files that cannot be used change nothing.
    pub(crate) async fn watch(self, node: Node, metrics: &'static Metrics) {
        let files = files(&node);
        if files.is_empty() {
            return;
        }
        let node = Arc::new(node);
        let mut seen = stamps(&files);
        loop {
            tokio::time::sleep(WATCH_EVERY).await;
            let now = stamps(&files);
            if now == seen {
                continue;
            }
            seen = now;
            let node = node.clone();
            let again = tokio::task::spawn_blocking(move || read(&node)).await;
            self.reloaded(again.unwrap_or_else(|error| Err(vec![error.to_string()])), metrics);
        }
    }

    /// Reads all files again, whether they look changed or not.
    pub(crate) async fn reread(&self, node: &Node, metrics: &Metrics) {
        if files(node).is_empty() {
            return;
        }
        let node = node.clone();
        let again = tokio::task::spawn_blocking(move || read(&node)).await;
        self.reloaded(again.unwrap_or_else(|error| Err(vec![error.to_string()])), metrics);
    }

    fn reloaded(&self, again: Result<BTreeMap<ListenerId, ListenerTls>, Vec<String>>, metrics: &Metrics) {
        match again {
            Ok(again) => {
                *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = again;
                metrics.certificates_loaded.add(1);
                tracing::info!("changed certificates are in force for new connections");
            }
            Err(faults) => {
                for fault in faults {
                    tracing::warn!(%fault, "the changed certificates are not used; those before stay in force");
                }
            }
        }
    }
}

/// Every file, with its change.
fn stamps(files: &[PathBuf]) -> Vec<Option<(SystemTime, u64)>> {
    let stamp = |file: &PathBuf| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().map(stamp).collect()
}

fn secured(node: &Node) -> impl Iterator<Item = (usize, &Listener)> {
    let is_secured = |listener: &Listener| matches!(listener.transport, Transport::Tls | Transport::Wss);
    node.sip.listeners.iter().enumerate().filter(move |(_, listener)| is_secured(listener))
}

fn files(node: &Node) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for (_, listener) in secured(node) {
        files.extend(listener.certificate.clone());
        files.extend(listener.private_key.clone());
        files.extend(listener.client_ca.clone());
        for more in &listener.more_certificates {
            files.extend([more.certificate.clone(), more.private_key.clone()]);
        }
        files.extend(node.sip.trusted_ca.clone());
    }
    files
}

fn read(node: &Node) -> Result<BTreeMap<ListenerId, ListenerTls>, Vec<String>> {
    let name_key = |fault| vec![format!("sip.trusted_ca: {fault}")];
    if secured(node).next().is_none() {
        // Nothing uses it yet, but it is not what it was meant to be.
        let trusted = node.sip.trusted_ca.as_deref().map_or(Ok(()), |file| roots(file).map(drop));
        return trusted.map(|()| BTreeMap::new()).map_err(name_key);
    }
    let mut faults = Vec::new();
    let mut read = BTreeMap::new();
    let provider = Arc::new(default_provider());
    let trusted = trusted(node.sip.trusted_ca.as_deref()).map_err(name_key)?;
    for (index, listener) in secured(node) {
        match listener_tls(listener, &trusted, &provider) {
            Ok(tls) => drop(read.insert(ListenerId(u16::try_from(index).unwrap_or(u16::MAX)), tls)),
            Err(fault) => faults.push(format!("sip.listeners[{index}]: {fault}")),
        }
    }
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

fn listener_tls(
    listener: &Listener,
    trusted: &Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<ListenerTls, String> {
    let first = listener.certificate.as_deref().zip(listener.private_key.as_deref());
    let more = listener.more_certificates.iter().map(|each| (each.certificate.as_path(), each.private_key.as_path()));
    let keys: Vec<Arc<CertifiedKey>> =
        first.into_iter().chain(more).map(|(chain, key)| certified(chain, key, provider)).collect::<Result<_, _>>()?;
    let own = keys.first().cloned().ok_or("a certificate is missing")?;
    let versions = "no version of TLS is left";

    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(|_| versions)?;
    let builder = match (listener.client_certificates, listener.client_ca.as_deref()) {
        (ClientCertificates::None, _) | (_, None) => builder.with_no_client_auth(),
        (wanted, Some(authority)) => {
            let roots = Arc::new(roots(authority)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
            let verifier = match wanted {
                ClientCertificates::Required => verifier,
                _ => verifier.allow_unauthenticated(),
            };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| sentence(authority, &error))?)
        }
    };
    let server = Arc::new(builder.with_cert_resolver(Arc::new(ByName(keys))));

    let builder = ClientConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(|_| versions)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(trusted.clone(), provider.clone()).build().ok();
    // A trunk may ask who we are (RFC 5922 §4): the listener's own certificate says so.
    let client = builder
        .with_root_certificates(trusted.clone())
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
    Ok(ListenerTls { server, client: Arc::new(client), verifier })
}

fn certified(chain: &Path, key: &Path, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, String> {
    let certificates = certificates(chain)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| sentence(key, &error))?;
    let certified = CertifiedKey::from_der(certificates, private, provider);
    let certified = certified.map_err(|error| format!("{} and {}: {error}", chain.display(), key.display()))?;
    Ok(Arc::new(certified))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let certificates: Vec<_> = read.map_err(|error| sentence(file, &error))?;
    if certificates.is_empty() {
        return Err(format!("{}: there is no certificate in it", file.display()));
    }
    Ok(certificates)
}

/// Whose certificates trunks may have: those of a file, or the system's.
fn trusted(file: Option<&Path>) -> Result<Arc<RootCertStore>, String> {
    if let Some(file) = file {
        return roots(file).map(Arc::new);
    }
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Ok(Arc::new(store))
}

fn roots(file: &Path) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(file)? {
        store.add(certificate).map_err(|error| sentence(file, &error))?;
    }
    Ok(store)
}

fn sentence(file: &Path, error: &impl fmt::Display) -> String {
    format!("{}: {error}", file.display())
}

/// The SIP domains that a verified certificate stands for, in lower case (RFC 5922 §7.1): the hosts of its `sip` URIs, and its DNS
/// names only when there are none of those. A URI with a user part names a person, and the subject's common name nobody.
pub(crate) fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Vec::new() };
    let domains: Vec<String> = certificate.valid_uri_names().filter_map(domain_of).take(NAMES_MAX).collect();
    if !domains.is_empty() {
        return domains;
    }
    certificate.valid_dns_names().map(plain).take(NAMES_MAX).collect()
}

/// As [`names_of`], and the peer's own address if the certificate bears that as well.
pub(crate) fn names_at(certificate: &CertificateDer<'_>, address: IpAddr) -> Vec<String> {
    let mut names = names_of(certificate);
    let borne = ParsedCertificate::try_from(certificate)
        .is_ok_and(|parsed| verify_server_name(&parsed, &ServerName::from(address)).is_ok());
    names.extend(borne.then(|| address.to_string()));
    names
}

/// What a peer that we have called is known by. The name that we have asked for, if its certificate bears it as it stands: a
/// wildcard may lead us there; it proves nobody's requests (RFC 5922 §7.2). Asked for by its address, it is whom its certificate
/// says it is, as one that has called us.
pub(crate) fn names_asked_for(certificate: &CertificateDer<'_>, asked: &[String], address: IpAddr) -> Vec<String> {
    if asked.iter().any(|name| name.parse() == Ok(address)) {
        return names_at(certificate, address);
    }
    names_of(certificate).into_iter().filter(|name| asked.iter().any(|asked| *name == plain(asked))).collect()
}

fn domain_of(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let is_domain = scheme.eq_ignore_ascii_case("sip") && !rest.contains('@');
    let host = rest.split([':', ';', '?']).next().unwrap_or_default();
    (is_domain && !host.is_empty()).then(|| plain(host))
}

/// As names are compared: in lower case, without the dot of the root.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// The first certificate that bears the name that the peer asks for; the first of all for any other name, and for none.
#[derive(Debug)]
struct ByName(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let named = asked.and_then(|name| self.0.iter().find(|key| bears(key, &name)));
        named.or(self.0.first()).cloned()
    }
}

fn bears(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let Some(certificate) = key.cert.first() else { return false };
    ParsedCertificate::try_from(certificate).is_ok_and(|parsed| verify_server_name(&parsed, name).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(names: &[&str]) -> CertificateDer<'static> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        rcgen::generate_simple_self_signed(names).unwrap().cert.into()
    }

    #[test]
    fn rfc5922_7_2_a_wildcard_proves_no_name() {
        let (whole, wild) = (certificate(&["a.example.com", "SBC.example.com"]), certificate(&["*.example.com"]));
        let at = IpAddr::from([192, 0, 2, 7]);
        let cases = [
            (&whole, "sbc.example.com", &["sbc.example.com"][..]),
            (&whole, "SBC.example.com.", &["sbc.example.com"]),
            (&whole, "other.example.com", &[]),
            (&wild, "sbc.example.com", &[]),
        ];
        for (certificate, asked, expected) in cases {
            assert_eq!(names_asked_for(certificate, &[asked.to_owned()], at), expected, "{asked}");
        }
    }

    /// A trunk with `certificateNames` that is called at its address sends its calls along the same connection.
    #[test]
    fn a_peer_called_at_its_address_is_whom_its_certificate_names() {
        let (at, asked) = (IpAddr::from([192, 0, 2, 7]), ["other.example.com", "192.0.2.7"].map(str::to_owned));
        let both = certificate(&["sbc.example.com", "192.0.2.7"]);
        assert_eq!(names_asked_for(&both, &asked, at), ["sbc.example.com", "192.0.2.7"]);
        assert_eq!(names_asked_for(&certificate(&["192.0.2.7"]), &asked, at), ["192.0.2.7"]);
    }

    #[test]
    fn a_peer_called_at_its_address_bears_that_or_one_of_its_names() {
        let name = |name: &str| ServerName::try_from(name.to_owned()).unwrap();
        let verified = |borne: &str, asked: &str, others: &[&str]| {
            let leaf = certificate(&[borne]);
            let mut trusted = RootCertStore::empty();
            trusted.add(leaf.clone()).unwrap();
            let provider = Arc::new(default_provider());
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(trusted), provider).build().unwrap();
            let one_of = OneOf { verifier, others: others.iter().map(|other| name(other)).collect() };
            one_of.verify_server_cert(&leaf, &[], &name(asked), &[], UnixTime::now()).is_ok()
        };
        for borne in ["a.example.com", "b.example.com", "192.0.2.7"] {
            assert!(verified(borne, "a.example.com", &["b.example.com", "192.0.2.7"]), "{borne}");
        }
        for borne in ["c.example.com", "192.0.2.8"] {
            assert!(!verified(borne, "a.example.com", &["b.example.com", "192.0.2.7"]), "{borne}");
        }
    }

    #[test]
    fn authorities_that_cannot_be_read_are_named_also_before_a_listener_has_tls() {
        let more =
            "[[sip.listeners]]\ntransport = \"tls\"\naddress = \"[::1]:0\"\ncertificate = \"a\"\nprivate_key = \"b\"\n";
        for more in ["", more] {
            let text = format!("[sip]\ntrusted_ca = \"/nowhere/ca.pem\"\n{more}");
            let node = Node::parse("baton.toml", &text).unwrap_or_default();
            let faults = read(&node).err().unwrap_or_default();
            assert!(faults.iter().any(|fault| fault.starts_with("sip.trusted_ca: /nowhere/ca.pem")), "{faults:?}");
        }
    }

    #[test]
    fn an_address_is_a_name_where_the_certificate_bears_it() {
        let certificate = certificate(&["a.example.com", "192.0.2.7"]);
        assert_eq!(names_at(&certificate, [192, 0, 2, 7].into()), ["a.example.com", "192.0.2.7"]);
        assert_eq!(names_at(&certificate, [192, 0, 2, 8].into()), ["a.example.com"]);
    }
}
