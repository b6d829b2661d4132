//! What is at a bastion, as its administration shows it? Only what a decision needs. Answers hold credentials of
//! targets in clear; they are read past and never kept.

use serde::{Deserialize, Deserializer};

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Role {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its description: our mark.
    pub description: String,
}

/// A way in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Target {
    /// Its id.
    pub id: String,
    /// Its name, which people type.
    pub name: String,
    /// Its description: our mark, and the print of its credentials.
    pub description: String,
    /// Roles, by name, that may use it.
    #[serde(deserialize_with = "list")]
    pub allow_roles: Vec<String>,
    /// Where it leads.
    #[serde(deserialize_with = "options")]
    pub options: Options,
    /// The longest time of a ticket.
    pub ticket_max_duration_seconds: Option<i64>,
    /// Whether nobody may ask for a ticket.
    pub ticket_requests_disabled: bool,
    /// Whether a ticket must be approved.
    pub ticket_require_approval: bool,
}

/// Where a target leads, without credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Options {
    /// A machine, over SSH, with the bastion's own key.
    Ssh {
        /// Its address.
        host: String,
        /// Its port.
        port: u16,
        /// The account.
        username: String,
    },
    /// An API server.
    Kubernetes {
        /// Its address.
        cluster_url: String,
        /// Whether its certificate is checked.
        verify: bool,
    },
    /// Something that we do not make.
    #[default]
    Other,
}

/// A person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct User {
    /// Her id.
    pub id: String,
    /// Her name.
    pub username: String,
}

/// That a person has a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The person, by id.
    pub user: String,
    /// The role, by id.
    pub role: String,
    /// Until when, in seconds since 1970.
    pub until: Option<i64>,
}

/// A ticket: whoever holds it gets to one target, with a role or without.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Ticket {
    /// Its id.
    pub id: String,
    /// Who it is for, by id.
    pub user_id: String,
    /// Where it leads, by id.
    pub target_id: String,
    /// Until when, in seconds since 1970.
    #[serde(deserialize_with = "moment_or_none")]
    pub expiry: Option<i64>,
    /// Since when, in seconds since 1970.
    #[serde(deserialize_with = "moment_or_none")]
    pub created: Option<i64>,
}

/// That somebody asked for a ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Request {
    /// Its id.
    pub id: String,
    /// Who asks, by id.
    pub user_id: String,
    /// For which target, by id.
    pub target_id: String,
    /// `Pending`, `Approved` or `Denied`.
    pub status: String,
    /// Who approved or denied it, by id; none when that was no person.
    pub resolved_by_user_id: Option<String>,
    /// The ticket that came of it.
    pub ticket_id: Option<String>,
    /// Since when, in seconds since 1970.
    #[serde(deserialize_with = "moment_or_none")]
    pub created: Option<i64>,
}

/// Everything at a bastion that decisions look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bastion {
    /// Roles.
    pub roles: Vec<Role>,
    /// Targets.
    pub targets: Vec<Target>,
    /// People.
    pub users: Vec<User>,
    /// Who has which role.
    pub grants: Vec<Grant>,
    /// Tickets.
    pub tickets: Vec<Ticket>,
    /// Requests for tickets.
    pub requests: Vec<Request>,
    /// Whether sessions are recorded.
    pub recordings: bool,
    /// Whether people may ask for tickets at all.
    pub asking: bool,
    /// Whether people may ask for tickets for targets that they have no role for.
    pub asking_without_role: bool,
    /// Public keys that the bastion signs in with.
    pub keys: Vec<String>,
}

/// A list that may be absent or null.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

/// A moment as the bastion writes it; none when it is absent, null or not understood.
fn moment_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.as_deref().and_then(crate::plan::moment::seconds))
}

fn options<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Options, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Tls {
        verify: bool,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Raw {
        kind: String,
        host: String,
        port: u16,
        username: String,
        cluster_url: String,
        tls: Option<Tls>,
    }
    let raw = Option::<Raw>::deserialize(deserializer)?.unwrap_or_default();
    Ok(match raw.kind.as_str() {
        "Ssh" => Options::Ssh { host: raw.host, port: raw.port, username: raw.username },
        "Kubernetes" => {
            Options::Kubernetes { cluster_url: raw.cluster_url, verify: raw.tls.unwrap_or_default().verify }
        }
        _ => Options::Other,
    })
}
