//! What can be declared in `intramuros.toml`? One type per section; the names of the fields are the keys of the file,
//! and their descriptions those of its JSON Schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::host::Host;
use super::pattern::Pattern;
use crate::access::AccessRule;
use crate::document::Limits;
use crate::language::Language;

/// Where the server listens when nothing is declared: reachable from this machine only.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:7171";

/// Days that the journal is kept when nothing is declared: six months, which SecNumCloud asks for at least.
pub const DEFAULT_RETAIN_DAYS: u32 = 183;

/// Tokens of a model's context when nothing is declared: what small local models have at least.
pub const DEFAULT_CONTEXT_TOKENS: u32 = 4_096;

/// `[server]`: who may connect, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Server {
    /// Addresses with ports where the pages and the API are served: one, or a list.
    #[serde(deserialize_with = "one_or_many")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema_one_or_many"))]
    pub listen: Vec<SocketAddr>,
    /// The address people type, where a proxy stands before the server: `https://search.example.org`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Addresses of proxies whose word on the client's address is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// File that holds the token which programs must show under `/v1` and `/mcp`, and nothing else. Without it, who can
    /// connect can ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

impl Default for Server {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 7171));
        Server { listen: vec![listen], public_url: None, trusted_proxies: Vec::new(), token_file: None }
    }
}

/// `[data]`: where the program keeps what it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Data {
    /// The data folder; relative to `intramuros.toml`. Without it the program chooses one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
}

/// `[limits]`: what reading one file may use, where it differs from the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct LimitOverrides {
    /// Bytes of the file itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// Bytes after decompression, over the whole file with everything inside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpacked_bytes: Option<u64>,
    /// Decompressed bytes for each compressed byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<u64>,
    /// Files within files within files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Members of a container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u32>,
    /// Pages, slides or sheets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// Bytes of text taken from one document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_bytes: Option<u64>,
    /// Pictures handed to OCR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pictures: Option<u32>,
    /// Seconds for one file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_seconds: Option<u32>,
    /// Memory of the worker that reads the file, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

impl LimitOverrides {
    /// `base` with what is declared here put in its place.
    pub fn over(&self, base: Limits) -> Limits {
        Limits {
            file_bytes: self.file_bytes.unwrap_or(base.file_bytes),
            unpacked_bytes: self.unpacked_bytes.unwrap_or(base.unpacked_bytes),
            ratio: self.ratio.unwrap_or(base.ratio),
            depth: self.depth.unwrap_or(base.depth),
            members: self.members.unwrap_or(base.members),
            pages: self.pages.unwrap_or(base.pages),
            text_bytes: self.text_bytes.unwrap_or(base.text_bytes),
            pictures: self.pictures.unwrap_or(base.pictures),
            time: self
                .time_seconds
                .map_or(base.time, |seconds| std::time::Duration::from_secs(seconds.into())),
            memory_bytes: self.memory_bytes.unwrap_or(base.memory_bytes),
            nesting: base.nesting,
        }
    }
}

/// `[search]`: how text is searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Search {
    /// Languages of the documents: `fr`, `en`.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub languages: Vec<Language>,
    /// How much a document of today gains over a very old one, in standard deviations of what a question scores: from 0
    /// (age does not count, the default) to 3.
    pub recency: f64,
    /// Days after which half of that gain is left.
    pub recency_days: u32,
    /// What a source's documents gain or lose, in standard deviations, by the source's name: from -3 to 3.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub source_weights: BTreeMap<String, f64>,
}

impl Default for Search {
    fn default() -> Self {
        Search {
            languages: vec![Language::French, Language::English],
            recency: 0.0,
            recency_days: 365,
            source_weights: BTreeMap::new(),
        }
    }
}

/// What becomes of questions and readings while the journal can't be written (a full disk). What would leave the machine
/// is refused in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// They are answered; how many entries are missing is written down once that works again.
    #[default]
    Answer,
    /// They are refused. Every answer waits until its entry is on the disk.
    Refuse,
}

/// `[journal]`: what the audit trail holds, for how long, signed with which key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct JournalSection {
    /// Folder of the journal; `journal` within the data folder when not declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// File of the signing key (Ed25519, PKCS#8); made in the data folder when not declared. Keep it elsewhere: then
    /// somebody who can write the data folder can't sign a forged journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Days that entries are kept. SecNumCloud asks for six months at least.
    pub retain_days: u32,
    /// Whether the text of questions is written, or only who asked, when and over which sources.
    pub question_text: bool,
    /// What becomes of questions and readings while the journal can't be written: `answer` or `refuse`.
    pub on_failure: OnFailure,
    /// `host:port` of a syslog collector (RFC 5424 over TLS); needs an egress rule with the purpose `journal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syslog: Option<String>,
}

impl Default for JournalSection {
    fn default() -> Self {
        JournalSection {
            folder: None,
            key_file: None,
            retain_days: DEFAULT_RETAIN_DAYS,
            question_text: false,
            on_failure: OnFailure::Answer,
            syslog: None,
        }
    }
}

/// `[dns]`: who translates the names in egress rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Dns {
    /// Name servers, `address` or `address:port`; those of the system when not declared. They are asked over TCP, since
    /// a sealed process has no UDP, and only for names in egress rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<String>,
}

/// `[proxy]`: the HTTP proxy that every way out (off this machine) goes through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Proxy {
    /// The proxy's host.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub host: Host,
    /// The proxy's port.
    pub port: u16,
    /// File that holds `user:password`, when the proxy asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_file: Option<PathBuf>,
}

/// `[[access]]`: who may read the documents under a path. Of several rules that cover a document, the last in the file
/// holds, alone: write the general ones first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Access {
    /// The source; every source when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Pattern of the paths within the source.
    #[serde(default = "everything")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub path: Pattern,
    /// Users who may read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub users: BTreeSet<String>,
    /// Groups whose members may read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// Everybody may read. With neither this nor users nor groups, the rule closes the path to all but the owner.
    #[serde(default)]
    pub everyone: bool,
}

impl Access {
    /// The rule as documents carry it.
    pub fn rule(&self) -> AccessRule {
        AccessRule { everyone: self.everyone, ..AccessRule::readers(&self.users, &self.groups) }
    }
}

/// `[[user]]`: a person and their groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct User {
    /// The name they sign in with.
    pub name: String,
    /// Groups they belong to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
}

/// `[[group]]`: several people under one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Group {
    /// The group's name.
    pub name: String,
    /// Users who belong to it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub members: BTreeSet<String>,
}

/// What a way out is for. A rule opens the way for its purpose only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Purpose {
    /// A model writes answers.
    Answers,
    /// A model makes vectors.
    Embedding,
    /// Documents are fetched.
    Source,
    /// A partner of a data space.
    Partner,
    /// The journal is sent to a collector.
    Journal,
    /// People are signed in (OpenID Connect).
    SignIn,
    /// A Kubernetes API.
    Cluster,
    /// The management of the private network.
    Mesh,
    /// The bastion's administration.
    Bastion,
    /// An inventory of resources to migrate.
    Migration,
    /// A code host whose changes are reviewed.
    Review,
    /// A catalogue of works.
    Media,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Purpose; 12] = [
        Purpose::Answers,
        Purpose::Embedding,
        Purpose::Source,
        Purpose::Partner,
        Purpose::Journal,
        Purpose::SignIn,
        Purpose::Cluster,
        Purpose::Mesh,
        Purpose::Bastion,
        Purpose::Migration,
        Purpose::Review,
        Purpose::Media,
    ];

    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Purpose::Answers => "answers",
            Purpose::Embedding => "embedding",
            Purpose::Source => "source",
            Purpose::Partner => "partner",
            Purpose::Journal => "journal",
            Purpose::SignIn => "sign-in",
            Purpose::Cluster => "cluster",
            Purpose::Mesh => "mesh",
            Purpose::Bastion => "bastion",
            Purpose::Migration => "migration",
            Purpose::Review => "review",
            Purpose::Media => "media",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// `[[egress]]`: one declared way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Egress {
    /// The host: one exact name or address.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub host: Host,
    /// The port.
    pub port: u16,
    /// What the way is for.
    pub purpose: Purpose,
    /// Who runs the other end. Needed unless it is this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Under whose law the other end stands: a country code such as `FR`, or `EU`. Needed unless it is this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<String>,
    /// What kind of content goes there: "questions and the passages that answer them". Needed unless it is this
    /// machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Last day on which the way is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub until: Option<Day>,
    /// Addresses of the host. With them no name server is asked, and a name may stand for a private address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// Whether the name may stand for an address of a private network (10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7).
    #[serde(default)]
    pub private: bool,
    /// Whether the connection is encrypted. Only on this machine can it be `false`.
    #[serde(default = "yes")]
    pub tls: bool,
    /// File with the certificate authorities (PEM) that may vouch for the host, instead of the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// File with our certificate (PEM), for a host that asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<PathBuf>,
    /// File with the certificate's private key (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

impl Egress {
    /// Whether the rule is still open on `today`.
    pub fn open_on(&self, today: Day) -> bool {
        self.until.is_none_or(|until| today <= until)
    }
}

/// What a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ModelKind {
    /// The one that comes with the program (embedding only).
    BuiltIn,
    /// A service with OpenAI's interface.
    #[serde(alias = "openai")]
    OpenAi,
    /// A GGUF file, run in this process.
    Gguf,
}

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ModelUse {
    /// It writes answers.
    Answers,
    /// It makes vectors.
    Embedding,
}

impl ModelUse {
    /// The purpose that its egress rule must have.
    pub fn purpose(self) -> Purpose {
        match self {
            ModelUse::Answers => Purpose::Answers,
            ModelUse::Embedding => Purpose::Embedding,
        }
    }
}

/// `[[model]]`: a model that writes answers or makes vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Model {
    /// Its name here.
    pub name: String,
    /// What it is.
    pub kind: ModelKind,
    /// What it does.
    pub purpose: ModelUse,
    /// Who runs it; whoever runs the other end of its egress rule when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Under whose law it stands: a country code such as `FR`, or `EU`; that of its egress rule when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<String>,
    /// Address of the service (`kind = "open-ai"`): `https://api.mistral.ai/v1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The model's name at the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// File that holds the service's key, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// The model's file (`kind = "gguf"`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Name of the model to take when this one fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// Requests at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Tokens of its context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// Tokens of its longest written answer: from 32 to half of its context, at most 16,384. A quarter of its context when
    /// not given, at most 700.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Tokens that one person may use of it in a day (UTC), questions with their passages and answers together; no limit
    /// when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_person_per_day: Option<u64>,
    /// Seconds until an answer must have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// Whether it is offered tools while it writes: to search again, to open a document around a passage, to list the
    /// sources; always with the asker's rights.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tools: bool,
    /// What a million tokens of questions and passages cost, in `assistant.currency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_in: Option<f64>,
    /// What a million tokens of answers cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_out: Option<f64>,
    /// What stands before a question that is embedded (`purpose = "embedding"`), as the model was trained: `"query: "`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query_prefix: String,
    /// What stands before a passage that is embedded: `"passage: "`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub passage_prefix: String,
}

impl Model {
    /// What tokens cost at the declared prices; none where no price is declared.
    pub fn cost(&self, prompt_tokens: u64, completion_tokens: u64) -> Option<f64> {
        const MILLION: f64 = 1_000_000.0;
        if self.price_in.is_none() && self.price_out.is_none() {
            return None;
        }
        let of = |tokens: u64, price: Option<f64>| tokens as f64 / MILLION * price.unwrap_or(0.0);
        Some(of(prompt_tokens, self.price_in) + of(completion_tokens, self.price_out))
    }
}

/// `[[partner]]`: a participant of a data space with whom documents are shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Partner {
    /// Its name here.
    pub name: String,
    /// Its identifier in the data space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Address of its connector; needs an egress rule with the purpose `partner`.
    pub url: String,
}

fn everything() -> Pattern {
    Pattern::parse("**").unwrap_or_else(|_| unreachable!("the pattern is a constant and is tested"))
}

fn yes() -> bool {
    true
}

/// Takes one value or a list of them.
fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<SocketAddr>, D::Error> {
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Vec<SocketAddr>;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an address with a port such as \"127.0.0.1:7171\", or a list of them")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            let address =
                text.parse().map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))?;
            Ok(vec![address])
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
            let mut addresses = Vec::new();
            while let Some(text) = sequence.next_element::<String>()? {
                addresses.extend(self.visit_one(&text)?);
            }
            Ok(addresses)
        }
    }
    impl Visitor {
        fn visit_one<E: serde::de::Error>(&self, text: &str) -> Result<Vec<SocketAddr>, E> {
            text.parse()
                .map(|address| vec![address])
                .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), self))
        }
    }
    deserializer.deserialize_any(Visitor)
}

#[cfg(feature = "schema")]
fn schema_one_or_many(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
        "default": DEFAULT_LISTEN
    })
}
