//! Which rule opens this way, on this day, for this purpose?

use std::net::IpAddr;

use intramuros_core::perimeter::host::{parse_url, with_port};
use intramuros_core::perimeter::{Day, Egress as Rule, Host, Purpose};

use crate::address::{Kind, kind_of};

/// Why a connection may not leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The address or host is written in a way that readers disagree on.
    #[error("{0}")]
    Odd(String),
    /// No rule names this host and port.
    #[error("no rule opens {0}")]
    NoRule(String),
    /// The host and port are declared, for something else.
    #[error("{to} is open for {open}, not for {purpose}")]
    OtherPurpose {
        /// Host and port.
        to: String,
        /// What it is open for.
        open: Purpose,
        /// What was asked for.
        purpose: Purpose,
    },
    /// The rule has ended.
    #[error("the rule for {to} ended on {until}")]
    Ended {
        /// Host and port.
        to: String,
        /// Its last day.
        until: Day,
    },
    /// The rule demands TLS and the caller did not ask for it, or the reverse.
    #[error("the rule for {0} and the address disagree on encryption")]
    Encryption(String),
    /// The name stands for an address that the rule does not cover.
    #[error("{host} stands for {address}, {kind}, which its rule does not allow")]
    Address {
        /// The host.
        host: String,
        /// The address.
        address: IpAddr,
        /// What kind of address it is.
        kind: Kind,
    },
    /// The connection went elsewhere than to the checked address.
    #[error("the connection went to another address than the one that was checked")]
    Elsewhere,
    /// More redirections than allowed.
    #[error("more than {0} redirections")]
    Redirections(u8),
}

/// Where a caller wants to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What for.
    pub purpose: Purpose,
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// Whether over TLS; none when the rule decides.
    pub tls: Option<bool>,
}

impl Target {
    /// The target of an `http://` or `https://` address, with the path and query.
    pub fn of_url(purpose: Purpose, url: &str) -> Result<(Target, String), Refusal> {
        let (tls, host, port, path) = parse_url(url).map_err(Refusal::Odd)?;
        Ok((Target { purpose, host, port, tls: Some(tls) }, path))
    }

    /// Host and port in words.
    pub fn place(&self) -> String {
        with_port(&self.host, self.port)
    }
}

/// The number of the rule that opens the way to `target` on `today`.
///
/// # Errors
/// Why none does.
pub fn decide(rules: &[Rule], target: &Target, today: Day) -> Result<usize, Refusal> {
    let here = |rule: &Rule| rule.host == target.host && rule.port == target.port;
    let Some((number, rule)) =
        rules.iter().enumerate().find(|(_, rule)| here(rule) && rule.purpose == target.purpose)
    else {
        let other = rules.iter().find(|rule| here(rule));
        return Err(match other {
            Some(rule) => {
                Refusal::OtherPurpose { to: target.place(), open: rule.purpose, purpose: target.purpose }
            }
            None => Refusal::NoRule(target.place()),
        });
    };
    if let Some(until) = rule.until.filter(|_| !rule.open_on(today)) {
        return Err(Refusal::Ended { to: target.place(), until });
    }
    // The perimeter's own check demands it as well; here it is what decides.
    let unencrypted_abroad = !rule.tls && !rule.host.is_loopback();
    if unencrypted_abroad || target.tls.is_some_and(|tls| tls != rule.tls) {
        return Err(Refusal::Encryption(target.place()));
    }
    Ok(number)
}

/// Of the addresses that a name stands for, those that the rule covers, in the same order.
///
/// One that is not covered refuses them all: a name that stands for a public and a private address at once is how
/// programs are made to call inside.
///
/// # Errors
/// The first address that is not covered.
pub fn covered(rule: &Rule, found: &[IpAddr]) -> Result<Vec<IpAddr>, Refusal> {
    if let Host::Address(address) = &rule.host {
        return Ok(vec![*address]);
    }
    if !rule.addresses.is_empty() {
        return Ok(rule.addresses.clone());
    }
    for address in found {
        let kind = kind_of(*address);
        let open = match kind {
            Kind::Public => true,
            Kind::Private => rule.private,
            Kind::Loopback => rule.host.is_loopback(),
            _ => false,
        };
        if !open || (rule.host.is_loopback() && kind != Kind::Loopback) {
            return Err(Refusal::Address { host: rule.host.to_string(), address: *address, kind });
        }
    }
    Ok(found.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(host: &str, port: u16, purpose: Purpose, more: &str) -> Rule {
        let here =
            if more.contains("tls = false") { "" } else { "operator='o'\njurisdiction='FR'\ndata='d'\n" };
        let text = format!("[[egress]]\nhost='{host}'\nport={port}\npurpose='{purpose}'\n{here}{more}");
        let perimeter = intramuros_core::perimeter::Perimeter::parse(&text, "f").unwrap();
        perimeter.egress[0].clone()
    }

    #[test]
    fn a_way_is_open_for_exactly_what_is_declared() {
        let rules = [
            rule("api.example", 443, Purpose::Answers, "until = 2027-01-31"),
            rule("127.0.0.1", 11434, Purpose::Embedding, "tls = false"),
        ];
        let today = Day::parse("2027-01-31").unwrap();
        let check = |purpose: Purpose, url: &str, expected: &str| {
            let decided = Target::of_url(purpose, url).and_then(|(target, _)| decide(&rules, &target, today));
            match decided {
                Ok(number) => assert_eq!(number.to_string(), expected, "{url}"),
                Err(refusal) => assert!(refusal.to_string().contains(expected), "{url}: {refusal}"),
            }
        };
        check(Purpose::Answers, "https://api.example/v1", "0");
        check(Purpose::Answers, "https://api.example:443/", "0");
        check(Purpose::Embedding, "http://127.0.0.1:11434/", "1");
        check(Purpose::Embedding, "https://api.example/", "open for answers, not for embedding");
        check(Purpose::Answers, "https://api.example:8443/", "no rule opens api.example:8443");
        check(Purpose::Answers, "https://api.example.evil.example/", "no rule");
        check(Purpose::Answers, "https://sub.api.example/", "no rule");
        check(Purpose::Answers, "http://api.example:443/", "disagree on encryption");
        check(Purpose::Embedding, "https://127.0.0.1:11434/", "disagree on encryption");
        for odd in [
            "https://API.example/",
            "https://api.example./",
            "https://api.example@evil.example/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://[::ffff:127.0.0.1]/",
            "https://аpi.example/",
            "https://api.example\\.evil/",
            "https://api%2eexample/",
            "https://api.example:0443/",
            "file:///etc/passwd",
            "https://api.example\t/",
        ] {
            let refused = Target::of_url(Purpose::Answers, odd);
            assert!(matches!(refused, Err(Refusal::Odd(_))), "{odd}");
        }
        let target = Target::of_url(Purpose::Answers, "https://api.example/").unwrap().0;
        let later = Day::parse("2027-02-01").unwrap();
        assert!(matches!(decide(&rules, &target, later), Err(Refusal::Ended { .. })));
        assert!(matches!(decide(&[], &target, today), Err(Refusal::NoRule(_))));
    }

    #[test]
    fn a_name_may_not_stand_for_an_address_inside() {
        let check = |rule: &Rule, found: &[&str], expected: bool| {
            let found: Vec<IpAddr> = found.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(covered(rule, &found).is_ok(), expected, "{rule:?} {found:?}");
        };
        let public = rule("api.example", 443, Purpose::Answers, "");
        check(&public, &["93.184.215.14", "2606:2800:220:1::1"], true);
        for inside in [
            "127.0.0.1",
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
            "::127.0.0.1",
            "198.18.0.1",
            "192.0.0.1",
            "240.0.0.1",
        ] {
            check(&public, &[inside], false);
            check(&public, &["93.184.215.14", inside], false);
        }
        let private = rule("api.example", 443, Purpose::Answers, "private = true");
        check(&private, &["10.0.0.1"], true);
        check(&private, &["169.254.169.254"], false);
        check(&private, &["127.0.0.1"], false);
        let here = rule("localhost", 1, Purpose::Answers, "tls = false");
        check(&here, &["127.0.0.1", "::1"], true);
        check(&here, &["93.184.215.14"], false);
        let pinned = rule("api.example", 443, Purpose::Answers, "addresses = ['10.9.8.7']");
        assert_eq!(covered(&pinned, &[]).unwrap(), ["10.9.8.7".parse::<IpAddr>().unwrap()]);
    }
}
