//! Which CiliumNetworkPolicy says the same, by name?

use std::collections::BTreeSet;
use std::fmt::Write;

use intramuros_core::perimeter::Perimeter;

use super::{Outside, listening, outside, single};

/// The policy of a perimeter, for pods labelled `app.kubernetes.io/name: intramuros`.
pub fn policy(perimeter: &Perimeter) -> String {
    let outside = outside(perimeter);
    let mut text = String::from(
        "# Written by `intramuros perimeter deploy cilium` from intramuros.toml. Write it anew when that changes.\n\
         apiVersion: cilium.io/v2\n\
         kind: CiliumNetworkPolicy\n\
         metadata:\n\
         \x20 name: intramuros\n\
         spec:\n\
         \x20 endpointSelector:\n\
         \x20   matchLabels:\n\
         \x20     app.kubernetes.io/name: intramuros\n\
         \x20 enableDefaultDeny: {ingress: true, egress: true}\n\
         \x20 ingress:\n\
         \x20   # From namespaces that are labelled as standing before the program (the ingress controller's).\n\
         \x20   - fromEndpoints:\n\
         \x20       - matchLabels:\n\
         \x20           k8s:io.cilium.k8s.namespace.labels.intramuros.example/reaches: \"true\"\n\
         \x20     toPorts:\n",
    );
    for port in listening(perimeter) {
        let _ = writeln!(text, "        - ports: [{{port: \"{port}\", protocol: TCP}}]");
    }
    egress(&mut text, &outside);
    text
}

fn egress(text: &mut String, outside: &Outside) {
    if outside.addresses.is_empty() && outside.names.is_empty() {
        text.push_str("  # No way out is declared: none is open, name servers included.\n  egress: []\n");
        return;
    }
    text.push_str("  egress:\n");
    for (name, port) in &outside.names {
        let _ = write!(
            text,
            "    - toFQDNs: [{{matchName: \"{name}\"}}]\n      toPorts:\n        - ports: [{{port: \"{port}\", \
             protocol: TCP}}]\n"
        );
    }
    for (address, port) in &outside.addresses {
        let _ = write!(
            text,
            "    - toCIDR: [\"{}\"]\n      toPorts:\n        - ports: [{{port: \"{port}\", protocol: TCP}}]\n",
            single(address)
        );
    }
    if !outside.names.is_empty() {
        name_servers(text, outside);
    }
}

/// Cilium learns a name's addresses from the answers that pass it; only the declared names may be asked for.
fn name_servers(text: &mut String, outside: &Outside) {
    text.push_str(
        "    # Names are asked over TCP; Cilium reads the answers to know which addresses to open.\n",
    );
    if outside.name_servers.is_empty() {
        text.push_str(
            "    - toEndpoints:\n        - matchLabels: {k8s:io.kubernetes.pod.namespace: kube-system, k8s:k8s-app: \
             kube-dns}\n",
        );
    } else {
        let list: Vec<String> =
            outside.name_servers.iter().map(|(address, _)| format!("\"{}\"", single(address))).collect();
        let _ = writeln!(text, "    - toCIDR: [{}]", list.join(", "));
    }
    let mut ports: BTreeSet<u16> = outside.name_servers.iter().map(|(_, port)| *port).collect();
    if ports.is_empty() {
        ports.insert(53);
    }
    text.push_str("      toPorts:\n");
    for port in ports {
        let _ = write!(
            text,
            "        - ports: [{{port: \"{port}\", protocol: TCP}}]\n          rules:\n            dns:\n"
        );
        let names: BTreeSet<&str> = outside.names.iter().map(|(name, _)| name.as_str()).collect();
        for name in names {
            let _ = writeln!(text, "              - matchName: \"{name}\"");
        }
    }
}
