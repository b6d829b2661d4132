//! How does systemd start the program inside its walls?

use std::fmt::Write;

use intramuros_core::perimeter::Perimeter;

use super::{listening, outside};

/// What does not depend on the perimeter. The program seals itself as well; these hold from before its first
/// instruction, and for what it could do before the seal.
const HARDENING: &str = "\
# Without privileges, now and later.
DynamicUser=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
# What the runtime calls.
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources @mount @obsolete @debug @cpu-emulation @keyring @setuid
SystemCallErrorNumber=EPERM
# The calls by which the program seals itself and its workers, named one by one since older systemd has no group for
# them; and those by which thread pools place their threads.
SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp capset
SystemCallFilter=prlimit64 setrlimit sched_setaffinity setpriority
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictNamespaces=yes
# The file system: read-only but for its own folder; nothing of other people.
ProtectSystem=strict
ProtectHome=tmpfs
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateIPC=yes
DevicePolicy=closed
ProtectProc=invisible
ProcSubset=pid
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
KeyringMode=private
RemoveIPC=yes
UMask=0077
StateDirectory=intramuros
StateDirectoryMode=0700
ConfigurationDirectory=intramuros
LimitCORE=0
";

/// The unit of a perimeter.
pub fn unit(perimeter: &Perimeter) -> String {
    let mut text = String::from(
        "# Written by `intramuros perimeter deploy systemd` from intramuros.toml. Write it anew when that changes.\n\
         [Unit]\n\
         Description=Intramuros: search and answers inside the walls\n\
         Documentation=file:///usr/share/doc/intramuros/perimeter.md\n\
         After=network.target\n\n\
         [Service]\n\
         Type=exec\n\
         ExecStart=/usr/bin/intramuros serve --config /etc/intramuros/intramuros.toml --data /var/lib/intramuros\n\
         ExecReload=/bin/kill -HUP $MAINPID\n\
         # The processes beside it end with it.\n\
         KillMode=mixed\n\
         Restart=on-failure\n\
         RestartSec=2\n",
    );
    text.push_str(HARDENING);
    // Writing to a String can't fail, here and below.
    let _ = writeln!(text, "# Sources and models, read-only.");
    let sources = perimeter.sources.iter().filter(|source| !source.is_remote()).map(|source| &source.path);
    let models = perimeter.models.iter().filter_map(|model| model.file.as_ref());
    for path in sources.chain(models) {
        let path = path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
        let _ = writeln!(text, "BindReadOnlyPaths=\"{path}\"");
    }
    network(&mut text, perimeter);
    text.push_str("\n[Install]\nWantedBy=multi-user.target\n");
    text
}

fn network(text: &mut String, perimeter: &Perimeter) {
    let outside = outside(perimeter);
    let _ = writeln!(text, "# The network: TCP alone, the declared listener, and the declared addresses.");
    let _ = writeln!(text, "RestrictAddressFamilies=AF_INET AF_INET6");
    let _ = writeln!(text, "SocketBindDeny=any");
    for port in listening(perimeter) {
        let _ = writeln!(text, "SocketBindAllow=tcp:{port}");
    }
    let to_network = perimeter.server.listen.iter().any(|address| !address.ip().is_loopback());
    if to_network || !outside.names.is_empty() {
        let why = if outside.names.is_empty() {
            "people connect from the network"
        } else {
            "egress rules name hosts, whose addresses systemd can't know"
        };
        let _ = writeln!(text, "# No IPAddressDeny=: {why}. `perimeter deploy nftables` closes the rest.");
        return;
    }
    let _ = writeln!(text, "IPAddressDeny=any");
    let _ = writeln!(text, "IPAddressAllow=localhost");
    for (address, _) in outside.addresses.iter().chain(&outside.name_servers) {
        let _ = writeln!(text, "IPAddressAllow={address}");
    }
}
