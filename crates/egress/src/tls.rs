//! Who may vouch for the other end, and with what do we prove who we are?

use std::path::Path;
use std::sync::Arc;

use intramuros_core::perimeter::Egress as Rule;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

use crate::client::Surroundings;

/// Where systems keep the certificate authorities they trust, as one file.
const SYSTEM_BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Largest file of certificates, in bytes. 8 MiB: forty times a system's bundle.
const MAX_PEM_BYTES: u64 = 8 << 20;

/// The system's certificate authorities in PEM; empty when it has none.
pub(crate) fn system_authorities() -> Vec<u8> {
    SYSTEM_BUNDLES.iter().find_map(|path| read_pem(Path::new(path)).ok()).unwrap_or_default()
}

/// The TLS settings of a rule. All files are read now: a sealed process can't read them later.
///
/// # Errors
/// Which file can't be used, and why.
pub(crate) fn settings(rule: &Rule, surroundings: &Surroundings) -> Result<Arc<ClientConfig>, String> {
    let system = &surroundings.authorities;
    let roots = match &rule.ca_file {
        Some(path) => authorities(&read_pem(path)?, &path.display().to_string())?,
        None if system.is_empty() => {
            return Err(format!(
                "this machine has no list of certificate authorities: install it (`ca-certificates`) or declare \
                 `ca_file` for {}",
                rule.host
            ));
        }
        None => authorities(system, "the system's certificate authorities")?,
    };
    // The provider is named rather than taken from the process: nothing else may choose it.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let mut settings = match (&rule.certificate_file, &rule.key_file, &surroundings.identity) {
        (Some(certificate), Some(key), _) => {
            let (chain, secret) = (read_pem(certificate)?, read_pem(key)?);
            present(builder, &chain, &secret)
                .map_err(|error| format!("{}: {error}", certificate.display()))?
        }
        (_, _, Some(identity)) => present(builder, &identity.certificate, &identity.key)
            .map_err(|error| format!("the certificate to present: {error}"))?,
        _ => builder.with_no_client_auth(),
    };
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(settings))
}

/// Settings that present a certificate, both in PEM.
fn present(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    certificate: &[u8],
    key: &[u8],
) -> Result<ClientConfig, String> {
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let secret = PrivateKeyDer::from_pem_slice(key).map_err(|error| error.to_string())?;
    builder.with_client_auth_cert(chain, secret).map_err(|error| error.to_string())
}

fn authorities(pem: &[u8], from: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
    let (taken, _) = roots.add_parsable_certificates(certificates);
    if taken == 0 {
        return Err(format!("{from}: holds no certificate"));
    }
    Ok(roots)
}

fn read_pem(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_PEM_BYTES).read_to_end(&mut bytes))
        .map_err(wrong)?;
    Ok(bytes)
}
