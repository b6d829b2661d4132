//! How do people sign in, as it is declared?

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::host::parse_url;
use super::{Host, Perimeter};

/// Hours without a request after which a session has ended, when nothing is declared: a working day.
pub const DEFAULT_IDLE_HOURS: u32 = 12;

/// Hours after which a session has ended in any case, when nothing is declared: a week.
pub const DEFAULT_SESSION_HOURS: u32 = 168;

/// `[accounts]`: whether people sign in, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Accounts {
    /// Whether people sign in also where only this machine can connect. Anywhere else they always do.
    pub required: bool,
    /// File of the key that locks secrets which must be kept; made in the data folder when not declared. Keep it
    /// elsewhere: then a copy of the data folder opens none of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Hours without a request after which a session has ended.
    pub idle_hours: u32,
    /// Hours after which a session has ended in any case.
    pub session_hours: u32,
}

impl Default for Accounts {
    fn default() -> Self {
        Accounts {
            required: false,
            key_file: None,
            idle_hours: DEFAULT_IDLE_HOURS,
            session_hours: DEFAULT_SESSION_HOURS,
        }
    }
}

/// `[[sign_in]]`: an OpenID Connect provider that vouches for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignIn {
    /// Its name here, which stands in the address that it sends people back to: small letters, digits and dashes.
    pub name: String,
    /// What stands on the button; the name when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The issuer's address; needs an egress rule with the purpose `sign-in`.
    pub issuer: String,
    /// What we are called there.
    pub client_id: String,
    /// File that holds our secret there, and nothing else; none for a public client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim that becomes the person's name.
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// The claim that becomes the person's groups; dots lead into it.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// How surely the provider must know the person: the levels that are good enough, separated by spaces (`eidas1` for
    /// ProConnect).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr_values: Option<String>,
    /// Who may come in, of all whom the provider knows: of each claim that is named here, one of these values, `*` standing
    /// for any beginning (`email = ["*@ville.example"]`). Everybody where nothing is named.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub only: BTreeMap<String, Vec<String>>,
}

impl SignIn {
    /// What stands on the button.
    pub fn label(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }
}

fn scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).to_vec()
}

fn name_claim() -> String {
    "preferred_username".to_owned()
}

fn groups_claim() -> String {
    "groups".to_owned()
}

impl Perimeter {
    /// Whether people must sign in when the server listens there: as soon as somebody else than this machine's user may
    /// stand at the other end, be it through a proxy.
    pub fn needs_accounts(&self, listen: &[SocketAddr]) -> bool {
        let elsewhere =
            |url: &String| parse_url(url).map_or(true, |(_, host, ..): (_, Host, _, _)| !host.is_loopback());
        self.accounts.required
            || !self.sign_in.is_empty()
            || !self.server.trusted_proxies.is_empty()
            || self.server.public_url.as_ref().is_some_and(elsewhere)
            || listen.iter().any(|address| !address.ip().is_loopback())
    }
}
