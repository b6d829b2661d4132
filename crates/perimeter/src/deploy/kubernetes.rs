//! Which NetworkPolicy says the same?

use std::fmt::Write;

use intramuros_core::perimeter::Perimeter;

use super::{Outside, listening, outside, single};

/// Ranges that a name on the internet may not stand for (IPv4, IPv6).
const INSIDE_V4: [&str; 7] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
];
const INSIDE_V6: [&str; 3] = ["::1/128", "fc00::/7", "fe80::/10"];

/// The policy of a perimeter, for pods labelled `app.kubernetes.io/name: intramuros`.
pub fn policy(perimeter: &Perimeter) -> String {
    let outside = outside(perimeter);
    let mut text = String::from(
        "# Written by `intramuros perimeter deploy kubernetes` from intramuros.toml. Write it anew when that changes.\n\
         apiVersion: networking.k8s.io/v1\n\
         kind: NetworkPolicy\n\
         metadata:\n\
         \x20 name: intramuros\n\
         spec:\n\
         \x20 podSelector:\n\
         \x20   matchLabels:\n\
         \x20     app.kubernetes.io/name: intramuros\n\
         \x20 policyTypes: [Ingress, Egress]\n",
    );
    ingress(&mut text, perimeter);
    egress(&mut text, &outside);
    text
}

/// Who may come in: the ingress controller's namespace, which is labelled so.
fn ingress(text: &mut String, perimeter: &Perimeter) {
    text.push_str(
        "  ingress:\n\
         \x20   # From namespaces that are labelled as standing before the program (the ingress controller's).\n\
         \x20   - from:\n\
         \x20       - namespaceSelector:\n\
         \x20           matchLabels:\n\
         \x20             intramuros.example/reaches: \"true\"\n\
         \x20     ports:\n",
    );
    for port in listening(perimeter) {
        let _ = writeln!(text, "        - {{protocol: TCP, port: {port}}}");
    }
}

fn egress(text: &mut String, outside: &Outside) {
    if outside.addresses.is_empty() && outside.names.is_empty() {
        text.push_str("  # No way out is declared: none is open, name servers included.\n  egress: []\n");
        return;
    }
    text.push_str("  egress:\n");
    for (address, port) in &outside.addresses {
        let _ = write!(
            text,
            "    - to: [{{ipBlock: {{cidr: \"{}\"}}}}]\n      ports: [{{protocol: TCP, port: {port}}}]\n",
            single(address)
        );
    }
    if outside.names.is_empty() {
        return;
    }
    names(text, outside);
}

/// This kind of policy knows no names: their ports are opened to the internet, and the comment says so.
fn names(text: &mut String, outside: &Outside) {
    for (name, port) in &outside.names {
        let _ = writeln!(
            text,
            "    # {name}:{port}. This kind of policy knows no names: the port is open to every public address.\n    \
             # `perimeter deploy cilium` closes it to this name; the program itself keeps to it in any case."
        );
        let except = |ranges: &[&str]| {
            ranges.iter().map(|range| format!("\"{range}\"")).collect::<Vec<_>>().join(", ")
        };
        let _ = write!(
            text,
            "    - to:\n        - ipBlock: {{cidr: 0.0.0.0/0, except: [{}]}}\n        - ipBlock: {{cidr: \"::/0\", \
             except: [{}]}}\n      ports: [{{protocol: TCP, port: {port}}}]\n",
            except(&INSIDE_V4),
            except(&INSIDE_V6)
        );
    }
    text.push_str("    # Names are asked over TCP.\n");
    if outside.name_servers.is_empty() {
        text.push_str(
            "    - to:\n\
             \x20       - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}\n\
             \x20         podSelector: {matchLabels: {k8s-app: kube-dns}}\n\
             \x20     ports: [{protocol: TCP, port: 53}]\n",
        );
    }
    for (address, port) in &outside.name_servers {
        let _ = write!(
            text,
            "    - to: [{{ipBlock: {{cidr: \"{}\"}}}}]\n      ports: [{{protocol: TCP, port: {port}}}]\n",
            single(address)
        );
    }
}
