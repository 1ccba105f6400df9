//! Certificates of a test's own authority.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority and one certificate of it, as PEM files in a folder.
#[derive(Debug)]
pub struct Certificates {
    /// The authority's certificate.
    pub authority: PathBuf,
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes them in this folder, the certificate for all of these addresses.
    pub fn new(folder: &Path, addresses: &[IpAddr]) -> Certificates {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
        // One that is named as who signed it passes for self-signed.
        parameters.distinguished_name.push(DnType::CommonName, "authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = parameters.self_signed(&key).expect("a certificate").pem();
        let issuer = Issuer::new(parameters, key);

        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
        let mut parameters = CertificateParams::new(names).expect("addresses");
        parameters.distinguished_name.push(DnType::CommonName, "everybody");
        let certificate = parameters.signed_by(&key, &issuer).expect("a certificate").pem();
        Certificates {
            authority: write(folder, "authority.pem", &authority),
            certificate: write(folder, "certificate.pem", &certificate),
            key: write(folder, "key.pem", &key.serialize_pem()),
        }
    }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, text).expect("a file");
    file
}
