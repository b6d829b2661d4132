//! Do the other forms say the same as the configuration, and does the machine take them?

use std::process::Command;

use intramuros_core::perimeter::Perimeter;
use intramuros_perimeter::deploy::{cilium, kubernetes, nftables, systemd};

const CONFIG: &str = "\
[server]
listen = '0.0.0.0:7171'
[[source]]
name = 'docs'
path = '/srv/docs'
[[egress]]
host = 'api.mistral.ai'
port = 443
purpose = 'answers'
operator = 'Mistral AI'
jurisdiction = 'FR'
data = 'questions and passages'
[[egress]]
host = '192.0.2.7'
port = 6514
purpose = 'journal'
operator = 'us'
jurisdiction = 'FR'
data = 'the journal'
[[egress]]
host = '127.0.0.1'
port = 11434
purpose = 'embedding'
tls = false
";

fn perimeter(text: &str) -> Perimeter {
    Perimeter::parse(text, "f").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

#[test]
fn what_is_declared_is_open_and_nothing_else() {
    let open = perimeter(CONFIG);
    let check = |text: &str, expected: &[&str], absent: &[&str]| {
        for one in expected {
            assert!(text.contains(one), "{one}\n{text}");
        }
        for one in absent {
            assert!(!text.contains(one), "{one}\n{text}");
        }
    };
    check(
        &cilium::policy(&open),
        &[
            "matchName: \"api.mistral.ai\"",
            "port: \"443\"",
            "toCIDR: [\"192.0.2.7/32\"]",
            "port: \"53\"",
            "port: \"7171\"",
        ],
        &["11434", "0.0.0.0/0", "UDP"],
    );
    check(
        &kubernetes::policy(&open),
        &[
            "cidr: \"192.0.2.7/32\"",
            "port: 6514",
            "api.mistral.ai:443. This kind of policy knows no names",
            "port: 7171",
        ],
        &["11434", "UDP"],
    );
    check(
        &nftables::rules(&open, "intra\"muros"),
        &[
            "skuid != \"intramuros\"",
            "ip daddr 192.0.2.7 tcp dport 6514 accept",
            "daddr @name0_v4 tcp dport 443",
            "oif lo tcp dport 11434",
            "tcp dport 7171 accept",
            "reject with icmpx",
        ],
        &[],
    );
    check(
        &systemd::unit(&open),
        &["BindReadOnlyPaths=\"/srv/docs\"", "SocketBindAllow=tcp:7171"],
        &["IPAddressDeny=any"],
    );
    let closed = perimeter("");
    check(&kubernetes::policy(&closed), &["egress: []"], &["0.0.0.0/0", "port: 53"]);
    check(&cilium::policy(&closed), &["egress: []"], &["toFQDNs", "dns:"]);
    check(&systemd::unit(&closed), &["IPAddressDeny=any", "IPAddressAllow=localhost"], &[]);
    check(&nftables::rules(&closed, "intramuros"), &["iif != lo tcp dport 7171 drop"], &["443"]);
}

/// The committed files are what the commands write for an empty configuration. `UPDATE=1` writes them anew.
#[test]
fn the_committed_files_are_up_to_date() {
    let folder = intramuros_testkit::package_folder(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let closed = perimeter("");
    let files = [
        ("intramuros.service", systemd::unit(&closed)),
        ("networkpolicy.yaml", kubernetes::policy(&closed)),
        ("ciliumnetworkpolicy.yaml", cilium::policy(&closed)),
        ("intramuros.nft", nftables::rules(&closed, "intramuros")),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "{name}: run with UPDATE=1");
    }
}

#[test]
fn nftables_takes_the_rules() {
    // Checking needs a network namespace of its own, so that nothing on this machine is touched.
    for text in [CONFIG, ""] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.nft");
        std::fs::write(&file, nftables::rules(&perimeter(text), "root")).unwrap();
        let output = Command::new("unshare").args(["-n", "nft", "-c", "-f"]).arg(&file).output();
        // Without the right to make a namespace, or without the tools, there is nothing to learn here.
        let Ok(output) = output else { return };
        if String::from_utf8_lossy(&output.stderr).contains("unshare") {
            return;
        }
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
}

#[test]
fn systemd_finds_the_unit_safe() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("intramuros.service");
    std::fs::write(&file, systemd::unit(&perimeter(""))).unwrap();
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
        .arg(&file)
        .output();
    // Absent, or too old for checking files: nothing to learn here.
    let Ok(output) = output else { return };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !text.contains("Overall exposure level") {
        return;
    }
    // 2.0 or less of 10.
    assert!(output.status.success(), "{text}");
}
