//! What is in a mesh, as its management API shows it? Only what a decision needs; the rest of an answer is not kept.

use serde::{Deserialize, Deserializer};

/// A group of peers or resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Its name, which no other group has.
    pub name: String,
}

/// An enrolment key, without the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// Its name; others may have the same.
    pub name: String,
    /// `one-off` or `reusable`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether a machine could use it now.
    pub valid: bool,
    /// How often it was used.
    pub used_times: u64,
    /// Until when (RFC 3339).
    pub expires: String,
    /// Whether peers that enrol with it are forgotten when they stay away.
    pub ephemeral: bool,
    /// The groups, by id, that peers enter who enrol with it.
    #[serde(deserialize_with = "list")]
    pub auto_groups: Vec<String>,
}

/// A network behind routing peers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Its id.
    pub id: String,
    /// Its name; others may have the same.
    pub name: String,
    /// Its description: our mark.
    pub description: String,
    /// Ids of its routers.
    #[serde(rename = "routers", deserialize_with = "list")]
    pub router_ids: Vec<String>,
    /// Ids of its resources.
    #[serde(rename = "resources", deserialize_with = "list")]
    pub resource_ids: Vec<String>,
    /// Its resources, once asked for.
    #[serde(skip)]
    pub resources: Vec<Resource>,
    /// Its routers, once asked for.
    #[serde(skip)]
    pub routers: Vec<Router>,
}

/// An address inside a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// Its id.
    pub id: String,
    /// Its name, which no other resource has.
    pub name: String,
    /// Its description: our mark.
    pub description: String,
    /// An address, a block or a name.
    pub address: String,
    /// Whether it is on.
    pub enabled: bool,
    /// Its groups, by id.
    #[serde(deserialize_with = "ids")]
    pub groups: Vec<String>,
}

/// The peers that lead into a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Router {
    /// Its id.
    pub id: String,
    /// The groups of peers, by id.
    #[serde(deserialize_with = "list")]
    pub peer_groups: Vec<String>,
    /// Lower goes first.
    pub metric: u32,
    /// Whether packets take the router's own address.
    pub masquerade: bool,
    /// Whether it is on.
    pub enabled: bool,
}

/// Who may reach whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Its id.
    pub id: String,
    /// Its name; others may have the same.
    pub name: String,
    /// Its description: our mark.
    pub description: String,
    /// Whether it is on.
    pub enabled: bool,
    /// Its rules.
    #[serde(deserialize_with = "list")]
    pub rules: Vec<Rule>,
}

/// One rule of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// Whether it is on.
    pub enabled: bool,
    /// `accept` or `drop`.
    pub action: String,
    /// Whether the other side may begin too.
    pub bidirectional: bool,
    /// `tcp`, `udp`, `icmp`, `all`…
    pub protocol: String,
    /// Ports, as text.
    #[serde(deserialize_with = "list")]
    pub ports: Vec<String>,
    /// Ranges of ports; we write none.
    #[serde(deserialize_with = "list")]
    pub port_ranges: Vec<serde_json::Value>,
    /// Groups, by id.
    #[serde(deserialize_with = "ids")]
    pub sources: Vec<String>,
    /// Groups, by id.
    #[serde(deserialize_with = "ids")]
    pub destinations: Vec<String>,
}

/// A machine in the mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Peer {
    /// Its id.
    pub id: String,
    /// Its name in the mesh.
    pub name: String,
    /// Its own name.
    pub hostname: String,
    /// Whether it is there now.
    pub connected: bool,
    /// When it was last there (RFC 3339).
    pub last_seen: String,
    /// Its groups, by id.
    #[serde(deserialize_with = "ids")]
    pub groups: Vec<String>,
}

/// A domain whose names the mesh translates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Zone {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The domain.
    pub domain: String,
    /// Whether it is on.
    pub enabled: bool,
    /// Whether short names are tried in it; ours are not.
    pub enable_search_domain: bool,
    /// The groups, by id, whose peers see it.
    #[serde(deserialize_with = "list")]
    pub distribution_groups: Vec<String>,
    /// Its names.
    #[serde(deserialize_with = "list")]
    pub records: Vec<Record>,
}

/// A name in a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// The full name.
    pub name: String,
    /// `A`, `AAAA` or `CNAME`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it stands for.
    pub content: String,
    /// Seconds.
    pub ttl: u32,
}

/// Everything in a mesh that decisions look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mesh {
    /// Groups.
    pub groups: Vec<Group>,
    /// Enrolment keys.
    pub keys: Vec<Key>,
    /// Networks, with resources and routers.
    pub networks: Vec<Network>,
    /// Policies.
    pub policies: Vec<Policy>,
    /// Peers.
    pub peers: Vec<Peer>,
    /// Zones, with records.
    pub zones: Vec<Zone>,
}

impl Mesh {
    /// The id of the group of a name.
    pub fn group(&self, name: &str) -> Option<&str> {
        self.groups.iter().find(|group| group.name == name).map(|group| group.id.as_str())
    }
}

/// A list that may be absent or null.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

/// The ids of a list of objects, which may be absent or null.
fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum One {
        Id(String),
        Object { id: String },
    }
    let list = Option::<Vec<One>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(list
        .into_iter()
        .map(|one| match one {
            One::Id(id) | One::Object { id } => id,
        })
        .collect())
}
