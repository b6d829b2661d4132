//! Which host is meant, when it may be written in one way only?
//!
//! Many programs read `0x7f.1`, `2130706433`, `017700000001` or `[::ffff:127.0.0.1]` as the machine itself, and a name
//! in letters that look like others as another name. Here a host has exactly one form, and everything else is refused
//! with the reason, both in `intramuros.toml` and in an address that a program asks for.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest name of a host in bytes (RFC 1035).
pub const MAX_HOST_BYTES: usize = 253;

/// Longest part of a name between two dots (RFC 1035).
const MAX_LABEL_BYTES: usize = 63;

/// A host, in its only form: a lower-case ASCII name, or an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name to be resolved.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl Host {
    /// Reads a host. IPv6 with or without brackets. The error says what to write instead.
    pub fn parse(text: &str) -> Result<Host, String> {
        if text.is_empty() {
            return Err("the host is empty".to_owned());
        }
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if inner.is_some() || text.contains(':') {
            return parse_v6(inner.unwrap_or(text));
        }
        if text.len() > MAX_HOST_BYTES {
            return Err(format!("the host has {} bytes; at most {MAX_HOST_BYTES}", text.len()));
        }
        if !text.is_ascii() {
            return Err(
                "the host has letters outside ASCII: write its `xn--` form, so that letters that look alike \
                        can't be mistaken"
                    .to_owned(),
            );
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Host::Address(address.into()));
        }
        if text.ends_with('.') {
            return Err("the host ends with a dot: leave it out".to_owned());
        }
        parse_name(text)
    }

    /// Whether this is the machine itself: a loopback address or the name `localhost`.
    pub fn is_loopback(&self) -> bool {
        match self {
            Host::Name(name) => name == "localhost",
            Host::Address(address) => address.is_loopback(),
        }
    }
}

fn parse_v6(text: &str) -> Result<Host, String> {
    if text.contains('%') {
        return Err("an address with a zone (`%`) can't be declared".to_owned());
    }
    let address: Ipv6Addr = text.parse().map_err(|_| format!("`{text}` is not an address"))?;
    if let Some(inner) = address.to_ipv4_mapped() {
        return Err(format!("write the IPv4 address `{inner}` itself"));
    }
    Ok(Host::Address(address.into()))
}

fn parse_name(text: &str) -> Result<Host, String> {
    let mut last = "";
    for label in text.split('.') {
        if label.is_empty() {
            return Err("the host has an empty part between two dots".to_owned());
        }
        if label.len() > MAX_LABEL_BYTES {
            return Err(format!("a part of the host is longer than {MAX_LABEL_BYTES} bytes"));
        }
        let fits =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        if let Some(byte) = label.bytes().find(|byte| !fits(*byte)) {
            let character = char::from(byte);
            if character.is_ascii_uppercase() {
                return Err(format!("write the host in lower case: `{}`", text.to_ascii_lowercase()));
            }
            return Err(match character {
                '*' => "a host is one name: `*` is not allowed, declare each host".to_owned(),
                '@' => "a user before `@` has no place in a host".to_owned(),
                '/' => "write the host alone, without `https://` and without a path".to_owned(),
                other => format!("`{other}` can't be in a host"),
            });
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err("a part of the host begins or ends with `-`".to_owned());
        }
        last = label;
    }
    // A last part in digits or hexadecimal is how addresses are disguised: 2130706433, 0x7f000001, 127.1.
    let number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if number {
        return Err(
            "this is a number in disguise: write an address as four decimal numbers, `192.0.2.1`".to_owned()
        );
    }
    Ok(Host::Name(text.to_owned()))
}

/// The address or name with its port, where an IPv6 address needs its brackets.
pub fn with_port(host: &Host, port: u16) -> String {
    match host {
        Host::Address(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        host => format!("{host}:{port}"),
    }
}

/// Reads `host:port`.
pub fn parse_host_port(text: &str) -> Result<(Host, u16), String> {
    let (host, port) =
        text.rsplit_once(':').ok_or_else(|| format!("`{text}` has no port: write `host:port`"))?;
    if host.contains(':') && !host.starts_with('[') {
        return Err(format!("write the IPv6 address in brackets: `[{host}]:{port}`"));
    }
    Ok((Host::parse(host)?, parse_port(port)?))
}

/// Reads a port: decimal digits, 1 to 65535, no sign and no leading zero.
pub fn parse_port(text: &str) -> Result<u16, String> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    plain
        .then(|| text.parse::<u16>().ok())
        .flatten()
        .ok_or_else(|| format!("`{text}` is not a port: a number from 1 to 65535"))
}

/// Where an `http://` or `https://` address leads: whether over TLS, the host, the port, and the path with its query.
/// A user or password in it is refused, as is every form that readers disagree on.
pub fn parse_url(text: &str) -> Result<(bool, Host, u16, String), String> {
    let (tls, rest) = if let Some(rest) = text.strip_prefix("https://") {
        (true, rest)
    } else if let Some(rest) = text.strip_prefix("http://") {
        (false, rest)
    } else {
        return Err("the address must begin with `https://` (or `http://` on this machine)".to_owned());
    };
    if let Some(character) = text.chars().find(|c| c.is_control() || c.is_whitespace() || *c == '\\') {
        return Err(format!("the address holds {character:?}, which readers of addresses disagree on"));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains('@') {
        return Err(
            "the address holds a user or password before `@`: keep secrets in a file of their own".to_owned()
        );
    }
    if authority.contains('%') {
        return Err("the host is written with `%`: write it plainly".to_owned());
    }
    let bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match authority[bracket..].find(':') {
        Some(at) => (Host::parse(&authority[..bracket + at])?, parse_port(&authority[bracket + at + 1..])?),
        None => (Host::parse(authority)?, if tls { 443 } else { 80 }),
    };
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok((tls, host, port, path))
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => formatter.write_str(name),
            Host::Address(address) => write!(formatter, "{address}"),
        }
    }
}

impl serde::Serialize for Host {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Host {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Host::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_form() {
        for good in ["api.mistral.ai", "localhost", "192.0.2.1", "xn--caf-dma.example", "a_b.example"] {
            assert_eq!(Host::parse(good).map(|host| host.to_string()), Ok(good.to_owned()));
        }
        assert_eq!(Host::parse("[2001:db8::1]").unwrap(), Host::parse("2001:db8::1").unwrap());
        for odd in [
            "",
            "API.example",
            "example.com.",
            "café.example",
            "2130706433",
            "0x7f000001",
            "127.1",
            "0177.0.0.1",
            "1.2.3.4.5",
            "example.0x7f",
            "::ffff:127.0.0.1",
            "[::ffff:10.0.0.1]",
            "fe80::1%eth0",
            "a..b",
            "-a.example",
            "user@example.com",
            "https://example.com",
            "*.example.com",
            "exa mple.com",
            "[127.0.0.1]",
            "1.2.3.04",
            "example.com/",
            "①②⑦.0.0.1",
            "a\u{ad}b.example",
        ] {
            assert!(Host::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn addresses_of_services_are_read_in_one_way() {
        let check = |text: &str, expected: Option<(bool, &str, u16, &str)>| {
            let read =
                parse_url(text).ok().map(|(tls, host, port, path)| (tls, host.to_string(), port, path));
            let expected =
                expected.map(|(tls, host, port, path)| (tls, host.to_owned(), port, path.to_owned()));
            assert_eq!(read, expected, "{text}");
        };
        check("https://a.example", Some((true, "a.example", 443, "/")));
        check("https://a.example:8443/v1?x=1#y", Some((true, "a.example", 8443, "/v1?x=1")));
        check("http://[::1]:11434/v1", Some((false, "::1", 11434, "/v1")));
        check("https://a.example?x", Some((true, "a.example", 443, "/?x")));
        for odd in [
            "ftp://a.example",
            "https://a@b.example",
            "https://a.example@evil.example/",
            "https://a.example\\@evil/",
            "https://a.example:0",
            "https://a.example:065",
            "https://a.example:99999",
            "https://a.example:",
            "https://",
            "https://a%2eexample/",
            "https:// a.example",
            "//a.example",
            "HTTPS://a.example",
            "https://a.example:443:80/",
            "https://[::1]x:1/",
        ] {
            check(odd, None);
        }
    }
}
