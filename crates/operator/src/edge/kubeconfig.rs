//! Where is an API server, and who are we to it?
//!
//! Two sources with different trust. What the person who starts the operator gives may name files. What lies in a
//! Secret of an environment's namespace may have been written by anybody with rights there: it names no files and no
//! programs, and the server must be where Cluster API says it is.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::Kubeconfig;

/// Where a pod finds its credentials.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Largest token file, in bytes. A projected token has 1 to 2 KB.
const MAX_TOKEN: usize = 64 << 10;

/// An API server, and what we show it.
#[derive(Clone)]
pub struct Server {
    /// Its address.
    pub url: String,
    /// The authorities that vouch for it, in PEM; the system's when empty.
    pub authorities: Vec<u8>,
    /// Our certificate and key, in PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Our token.
    pub token: Token,
    /// The namespace when none is named.
    pub namespace: String,
}

/// A bearer token.
#[derive(Clone)]
pub enum Token {
    /// None.
    None,
    /// This one.
    Fixed(String),
    /// The one that stands in this file at the moment; the kubelet renews it.
    File(PathBuf),
}

impl Token {
    /// The token at the moment.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn read(&self) -> std::io::Result<Option<String>> {
        match self {
            Token::None => Ok(None),
            Token::Fixed(token) => Ok(Some(token.clone())),
            Token::File(path) => {
                let text = std::fs::read_to_string(path)?;
                if text.len() > MAX_TOKEN {
                    return Err(std::io::Error::other("the token's file is too large to hold a token"));
                }
                Ok(Some(text.trim().to_owned()))
            }
        }
    }
}

impl Server {
    /// The server of this pod.
    ///
    /// # Errors
    /// When this is no pod.
    pub fn of_pod() -> Result<Server, String> {
        let variable =
            |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set: this is no pod"));
        let (host, port) = (variable("KUBERNETES_SERVICE_HOST")?, variable("KUBERNETES_SERVICE_PORT")?);
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let folder = Path::new(ACCOUNT);
        let read = |name: &str| {
            std::fs::read(folder.join(name)).map_err(|error| format!("{}/{name}: {error}", folder.display()))
        };
        Ok(Server {
            url: format!("https://{host}:{port}"),
            authorities: read("ca.crt")?,
            identity: None,
            token: Token::File(folder.join("token")),
            namespace: String::from_utf8_lossy(&read("namespace")?).trim().to_owned(),
        })
    }

    /// The server of a kubeconfig that the person who starts the program gives.
    ///
    /// # Errors
    /// What can't be read, or is not supported (programs that make credentials).
    pub fn of_file(path: &Path, context: Option<&str>) -> Result<Server, String> {
        let config = Kubeconfig::read_from(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        of_config(&config, context, Some(folder)).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The server of a kubeconfig from a Secret. It may name no files, no programs, and no server but `endpoint`.
    ///
    /// # Errors
    /// What is not allowed, or can't be read. Never a part of the text.
    pub fn of_secret(text: &str, endpoint: &crate::plan::mesh::Endpoint) -> Result<Server, String> {
        let config =
            Kubeconfig::from_yaml(text).map_err(|_| "the kubeconfig is not understood".to_owned())?;
        let server = of_config(&config, None, None)?;
        let (tls, host, port, _) = intramuros_core::perimeter::host::parse_url(&server.url)
            .map_err(|_| "the kubeconfig's server is no address".to_owned())?;
        if !tls || !same_host(&host.to_string(), &endpoint.host) || port != endpoint.port {
            return Err("the kubeconfig names another server than the cluster's endpoint".to_owned());
        }
        if server.authorities.is_empty() {
            return Err("the kubeconfig names no certificate authority".to_owned());
        }
        Ok(server)
    }
}

/// Whether two hosts are one: an IPv6 address may be written in several ways, and in brackets.
fn same_host(one: &str, other: &str) -> bool {
    let address = |host: &str| host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().ok();
    one == other || address(one).is_some_and(|known| Some(known) == address(other))
}

/// The server of a context. Without a folder, files are refused.
fn of_config(config: &Kubeconfig, context: Option<&str>, folder: Option<&Path>) -> Result<Server, String> {
    let name = context.or(config.current_context.as_deref()).ok_or("no context is chosen")?;
    let context = config
        .contexts
        .iter()
        .find(|known| known.name == name)
        .and_then(|known| known.context.as_ref())
        .ok_or_else(|| format!("there is no context '{name}'"))?;
    let cluster = config
        .clusters
        .iter()
        .find(|known| known.name == context.cluster)
        .and_then(|known| known.cluster.as_ref())
        .ok_or("the context's cluster is missing")?;
    let user = config
        .auth_infos
        .iter()
        .find(|known| Some(&known.name) == context.user.as_ref())
        .and_then(|known| known.auth_info.as_ref())
        .ok_or("the context's user is missing")?;
    if user.exec.is_some() || user.auth_provider.is_some() {
        return Err("credentials made by a program are not supported".to_owned());
    }
    if cluster.insecure_skip_tls_verify == Some(true) || cluster.proxy_url.is_some() {
        return Err("a server without proof, or behind a proxy, is not supported".to_owned());
    }
    let bytes = |data: Option<&str>, file: Option<&str>| -> Result<Vec<u8>, String> {
        match (data, file, folder) {
            (Some(data), ..) => STANDARD.decode(data).map_err(|_| "a value is not base64".to_owned()),
            (None, Some(file), Some(folder)) => {
                std::fs::read(folder.join(file)).map_err(|error| format!("{file}: {error}"))
            }
            (None, Some(_), None) => Err("files are not allowed here".to_owned()),
            (None, None, _) => Ok(Vec::new()),
        }
    };
    let certificate = bytes(user.client_certificate_data.as_deref(), user.client_certificate.as_deref())?;
    let key_data = user.client_key_data.as_ref().map(secret);
    let key = bytes(key_data.as_deref(), user.client_key.as_deref())?;
    let token = match (&user.token, &user.token_file, folder) {
        (Some(token), ..) => Token::Fixed(secret(token)),
        (None, Some(file), Some(folder)) => Token::File(folder.join(file)),
        (None, Some(_), None) => return Err("files are not allowed here".to_owned()),
        (None, None, _) => Token::None,
    };
    Ok(Server {
        url: cluster.server.clone().ok_or("the cluster has no server")?,
        authorities: bytes(
            cluster.certificate_authority_data.as_deref(),
            cluster.certificate_authority.as_deref(),
        )?,
        identity: (!certificate.is_empty() && !key.is_empty()).then_some((certificate, key)),
        token,
        namespace: context.namespace.clone().unwrap_or_else(|| "default".to_owned()),
    })
}

fn secret(value: &secrecy::SecretString) -> String {
    secrecy::ExposeSecret::expose_secret(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::mesh::Endpoint;

    fn config(server: &str, cluster: &str, user: &str) -> String {
        format!(
            r#"{{"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{{"name": "c", "context": {{"cluster": "c", "user": "u"}}}}],
            "clusters": [{{"name": "c", "cluster": {{"server": "{server}"{cluster}}}}}],
            "users": [{{"name": "u", "user": {{{user}}}}}]}}"#
        )
    }

    #[test]
    fn a_kubeconfig_from_a_namespace_leads_nowhere_but_to_its_cluster() {
        let endpoint = Endpoint { host: "10.0.0.9".to_owned(), port: 6443 };
        let ca = r#", "certificate-authority-data": "Y2E=""#;
        let token = r#""token": "CANARY""#;
        let check = |text: String, expected: Result<(), &str>| {
            let read = Server::of_secret(&text, &endpoint);
            match (read.map(drop), expected) {
                (Ok(()), Ok(())) => {}
                (Err(why), Err(part)) => {
                    assert!(why.contains(part), "{why}");
                    assert!(!why.contains("CANARY"), "no part of the text is quoted: {why}");
                }
                (read, expected) => panic!("{read:?}, not {expected:?}: {text}"),
            }
        };
        check(config("https://10.0.0.9:6443", ca, token), Ok(()));
        for server in [
            "https://10.0.0.8:6443",
            "https://10.0.0.9:443",
            "http://10.0.0.9:6443",
            "https://169.254.169.254:6443",
        ] {
            check(config(server, ca, token), Err("another server"));
        }
        let six = Endpoint { host: "fd00:0::9".to_owned(), port: 6443 };
        assert!(Server::of_secret(&config("https://[fd00::9]:6443", ca, token), &six).is_ok());
        assert!(Server::of_secret(&config("https://[fd00::8]:6443", ca, token), &six).is_err());
        check(config("https://10.0.0.9:6443", "", token), Err("no certificate authority"));
        let file = r#", "certificate-authority": "/etc/passwd""#;
        check(config("https://10.0.0.9:6443", file, token), Err("files are not allowed"));
        check(
            config("https://10.0.0.9:6443", ca, r#""tokenFile": "/var/run/secrets/CANARY""#),
            Err("files are not allowed"),
        );
        check(
            config("https://10.0.0.9:6443", ca, r#""client-certificate": "/etc/CANARY""#),
            Err("files are not allowed"),
        );
        let program = r#""exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "CANARY"}"#;
        check(config("https://10.0.0.9:6443", ca, program), Err("program"));
        let blind = r#", "insecure-skip-tls-verify": true"#;
        check(config("https://10.0.0.9:6443", blind, token), Err("without proof"));
        check("CANARY: [".to_owned(), Err("not understood"));
    }
}
