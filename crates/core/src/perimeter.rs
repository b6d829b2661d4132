//! What did the organisation declare in `intramuros.toml`?
//!
//! [`Perimeter::parse`] turns the file's text into values, or into the list of everything that is wrong with it. No
//! file is read and no name resolved here: paths are as declared until [`Perimeter::resolve_paths`] is given the
//! folder they are relative to.

mod assistant;
mod check;
mod collection;
mod day;
pub mod effective;
pub mod host;
mod mistake;
pub mod pattern;
mod people;
mod read;
mod sections;
pub mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use assistant::{Assistant, CheckedBy, Unsupported};
pub use collection::{Collection, MAX_COLLECTION_NAME, MAX_COLLECTIONS, Part};
pub use day::Day;
pub use effective::{Effective, Origin};
pub use host::Host;
pub use mistake::{Mistake, Position};
pub use pattern::Pattern;
pub use people::{Accounts, SignIn};
pub use sections::*;
pub use source::{ATTACHED, AccessOrigin, Source, SourceKind};

use crate::access::{AccessRule, Principal};
use read::Reader;

/// The file's usual name.
pub const FILE_NAME: &str = "intramuros.toml";

/// Largest file that is read, in bytes. 1 MiB: thousands of rules; more is not a configuration.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// Most sections of one kind. 5,000: each document is held against each access rule.
pub const MAX_SECTIONS: usize = 5_000;

/// Everything that is declared, with the defaults in place of what is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "intramuros.toml", deny_unknown_fields))]
#[serde(default)]
pub struct Perimeter {
    /// Whether the kernel is asked to keep the process within what is declared.
    pub sealed: bool,
    /// Whether to refuse to start where the kernel can't enforce all of it.
    pub require_seal: bool,
    /// Who may connect, and where.
    pub server: Server,
    /// Whether people sign in.
    pub accounts: Accounts,
    /// Where the program keeps what it knows.
    pub data: Data,
    /// What reading one file may use.
    pub limits: LimitOverrides,
    /// How text is searched.
    pub search: Search,
    /// How models write answers.
    pub assistant: Assistant,
    /// The audit trail.
    pub journal: JournalSection,
    /// Who translates names.
    pub dns: Dns,
    /// The proxy that ways out go through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// Places documents come from.
    #[serde(rename = "source", skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// Who may read what; the last rule that covers a document holds.
    #[serde(rename = "access", skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<Access>,
    /// Providers that vouch for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sign_in: Vec<SignIn>,
    /// People and their groups.
    #[serde(rename = "user", skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User>,
    /// Groups and their members.
    #[serde(rename = "group", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// Declared ways out.
    #[serde(rename = "egress", skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<Egress>,
    /// Models.
    #[serde(rename = "model", skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<Model>,
    /// Named sets of documents.
    #[serde(rename = "collection", skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<Collection>,
    /// Participants of a data space with whom documents are shared.
    #[serde(rename = "partner", skip_serializing_if = "Vec::is_empty")]
    pub partners: Vec<Partner>,
    /// Where each declared value stands: from its path (`egress[0].host`) to its place.
    #[serde(skip)]
    places: BTreeMap<String, Position>,
    /// Paths of values that the command line set, with the option that did.
    #[serde(skip)]
    commanded: BTreeMap<String, String>,
    /// The file's name; none when there is no file.
    #[serde(skip)]
    file: Option<String>,
}

impl Default for Perimeter {
    fn default() -> Self {
        Perimeter {
            sealed: true,
            require_seal: false,
            server: Server::default(),
            accounts: Accounts::default(),
            data: Data::default(),
            limits: LimitOverrides::default(),
            search: Search::default(),
            assistant: Assistant::default(),
            journal: JournalSection::default(),
            dns: Dns::default(),
            proxy: None,
            sources: Vec::new(),
            access: Vec::new(),
            sign_in: Vec::new(),
            users: Vec::new(),
            groups: Vec::new(),
            egress: Vec::new(),
            models: Vec::new(),
            collections: Vec::new(),
            partners: Vec::new(),
            places: BTreeMap::new(),
            commanded: BTreeMap::new(),
            file: None,
        }
    }
}

impl Perimeter {
    /// Reads the text of `intramuros.toml`. `file_name` is only for the messages.
    ///
    /// # Errors
    /// Every mistake in the file, in its order: what is wrong, where, and how to mend it.
    pub fn parse(text: &str, file_name: &str) -> Result<Perimeter, Vec<Mistake>> {
        let mut reader = Reader { file: file_name, text, mistakes: Vec::new(), places: BTreeMap::new() };
        let perimeter = if text.len() > MAX_FILE_BYTES {
            let what = format!("the file has {} bytes; at most {MAX_FILE_BYTES} are read", text.len());
            reader.mistake(0..0, what, "declare groups and folders rather than single people and files");
            None
        } else {
            read_file(&mut reader)
        };
        if let Some(perimeter) = &perimeter
            && reader.mistakes.is_empty()
        {
            check::check(perimeter, &mut reader);
        }
        let Reader { mut mistakes, places, .. } = reader;
        mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
        match perimeter {
            Some(perimeter) if mistakes.is_empty() => {
                Ok(Perimeter { places, file: Some(file_name.to_owned()), ..perimeter })
            }
            _ => Err(mistakes),
        }
    }

    /// The perimeter of `serve FOLDER` without a file: this folder as the only source, readable by its owner, reachable
    /// from this machine, no way out.
    pub fn of_folder(folder: impl Into<PathBuf>) -> Perimeter {
        let mut perimeter = Perimeter::default();
        perimeter.add_folder(folder);
        perimeter
    }

    /// Adds a folder that the command line named. Its source is called after it. Nothing changes when a source
    /// already has this path.
    pub fn add_folder(&mut self, folder: impl Into<PathBuf>) {
        let path = folder.into();
        if self.sources.iter().any(|source| source.path == path) {
            return;
        }
        let base =
            path.file_name().map_or_else(|| "folder".to_owned(), |name| name.to_string_lossy().into_owned());
        let name = self.free_name(&base);
        self.commanded.insert(format!("source[{}]", self.sources.len()), "FOLDER".to_owned());
        self.sources.push(Source { name, path, ..Source::default() });
    }

    /// Takes what people bring, too: for a program without a configuration, whose owner alone brings anything.
    pub fn add_uploads(&mut self) {
        let name = self.free_name("uploads");
        self.commanded.insert(format!("source[{}]", self.sources.len()), "FOLDER".to_owned());
        self.sources.push(Source { name, kind: SourceKind::Uploads, ..Source::default() });
    }

    /// A name that no source has: this one, with a number where it is taken.
    fn free_name(&self, base: &str) -> String {
        let numbered = (2..).map(|number| format!("{base} {number}"));
        let mut names = std::iter::once(base.to_owned()).chain(numbered);
        names.find(|name| self.source(name).is_none()).unwrap_or_default()
    }

    /// Notes that the command line's `option` set the value at `path` (`server.listen`), for `perimeter show`.
    pub fn set_by_command(&mut self, path: &str, option: &str) {
        self.commanded.insert(path.to_owned(), option.to_owned());
    }

    /// Makes declared paths absolute or relative to `base`, the folder that holds `intramuros.toml`.
    pub fn resolve_paths(&mut self, base: &Path) {
        let server = &mut self.server.token_file;
        let own = [&mut self.data.folder, &mut self.journal.folder, &mut self.journal.key_file, server];
        let optional = own.into_iter().chain([&mut self.accounts.key_file]);
        let providers = self.sign_in.iter_mut().map(|provider| &mut provider.client_secret_file);
        let models = self.models.iter_mut().flat_map(|model| [&mut model.key_file, &mut model.file]);
        for source in &mut self.sources {
            let path = if source.kind == SourceKind::Folder { Some(&mut source.path) } else { None };
            for path in path.into_iter().chain(source.secret_file.as_mut()) {
                *path = base.join(&*path);
            }
        }
        let egress = self
            .egress
            .iter_mut()
            .flat_map(|rule| [&mut rule.ca_file, &mut rule.certificate_file, &mut rule.key_file]);
        let proxy = self.proxy.iter_mut().map(|proxy| &mut proxy.credentials_file);
        let others = optional.chain(providers).chain(models).chain(egress).chain(proxy).flatten();
        for path in others {
            *path = base.join(&*path);
        }
    }

    /// The file's name; none when the perimeter comes from the command line alone.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The source of a name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The collection of a name.
    pub fn collection(&self, name: &str) -> Option<&Collection> {
        self.collections.iter().find(|collection| collection.name == name)
    }

    /// Who may read a document, as `[[access]]` says. `path` is relative to the source, `/`-separated. Without a rule
    /// that covers it: nobody but the owner. For a source with `access = "file-system"`, ask
    /// [`Perimeter::declared_rule`] and take the file's own permissions where it has none.
    pub fn rule_for(&self, source: &str, path: &str) -> AccessRule {
        self.declared_rule(source, path).map_or_else(AccessRule::owner_only, |(_, access)| access.rule())
    }

    /// The `[[access]]` rule that holds for a document, with its number from 0; none when no rule covers it. The last
    /// one in the file holds.
    pub fn declared_rule(&self, source: &str, path: &str) -> Option<(usize, &Access)> {
        let names = pattern::Names::of(path);
        self.access.iter().enumerate().rev().find(|(_, access)| {
            access.source.as_deref().is_none_or(|name| name == source) && access.path.covers_names(&names)
        })
    }

    /// A declared user with every group they are in; somebody who is not declared has the name alone.
    pub fn principal(&self, name: &str) -> Principal {
        let own = self.users.iter().filter(|user| user.name == name).flat_map(|user| user.groups.iter());
        let from_groups =
            self.groups.iter().filter(|group| group.members.contains(name)).map(|group| &group.name);
        let groups: BTreeSet<String> = own.chain(from_groups).cloned().collect();
        Principal::user(name, groups)
    }

    /// The egress rules for a host, port and purpose, whether or not they are still open.
    pub fn egress_for<'a>(
        &'a self,
        host: &'a Host,
        port: u16,
        purpose: Purpose,
    ) -> impl Iterator<Item = &'a Egress> {
        self.egress
            .iter()
            .filter(move |rule| rule.host == *host && rule.port == port && rule.purpose == purpose)
    }

    /// The egress rule by which a model at a service is reached, with its number from 0, whether or not it is still open;
    /// none for a model in this process.
    pub fn way_of(&self, model: &Model) -> Option<(usize, &Egress)> {
        if model.kind != ModelKind::OpenAi {
            return None;
        }
        let (_, host, port, _) = host::parse_url(model.url.as_deref()?).ok()?;
        let purpose = model.purpose.purpose();
        let leads = |rule: &Egress| rule.host == host && rule.port == port && rule.purpose == purpose;
        self.egress.iter().enumerate().find(|(_, rule)| leads(rule))
    }

    /// Who runs a model: as is declared of it, or else of the way to it. None where that is this machine.
    pub fn operator_of<'a>(&'a self, model: &'a Model) -> Option<&'a str> {
        let way = || self.way_of(model)?.1.operator.as_deref();
        model.operator.as_deref().or_else(way)
    }

    /// Under whose law a model stands, as [`Perimeter::operator_of`].
    pub fn jurisdiction_of<'a>(&'a self, model: &'a Model) -> Option<&'a str> {
        let way = || self.way_of(model)?.1.jurisdiction.as_deref();
        model.jurisdiction.as_deref().or_else(way)
    }

    /// Where the value at a path (`egress[0].host`) comes from.
    pub fn origin(&self, path: &str) -> Origin {
        let mut at = path;
        loop {
            if let Some(option) = self.commanded.get(at) {
                return Origin::Command(option.clone());
            }
            if at == path
                && let Some(position) = self.places.get(at)
            {
                return Origin::File(*position);
            }
            match at.rfind(['.', '[']) {
                Some(end) => at = &at[..end],
                None => return Origin::Default,
            }
        }
    }
}

/// The names of all sections and keys at the top of the file.
const TOP: [&str; 20] = [
    "sealed",
    "require_seal",
    "server",
    "accounts",
    "data",
    "limits",
    "search",
    "assistant",
    "journal",
    "dns",
    "proxy",
    "source",
    "access",
    "sign_in",
    "user",
    "group",
    "egress",
    "model",
    "collection",
    "partner",
];

fn read_file(reader: &mut Reader<'_>) -> Option<Perimeter> {
    let mut table = reader.tables()?;
    let table = &mut table;
    let perimeter = Perimeter {
        sealed: reader.value(table, "sealed").unwrap_or(true),
        require_seal: reader.value(table, "require_seal").unwrap_or(false),
        server: reader.section(table, "server"),
        accounts: reader.section(table, "accounts"),
        data: reader.section(table, "data"),
        limits: reader.section(table, "limits"),
        search: reader.section(table, "search"),
        assistant: reader.section(table, "assistant"),
        journal: reader.section(table, "journal"),
        dns: reader.section(table, "dns"),
        proxy: reader.optional(table, "proxy"),
        sources: reader.sections(table, "source"),
        access: reader.sections(table, "access"),
        sign_in: reader.sections(table, "sign_in"),
        users: reader.sections(table, "user"),
        groups: reader.sections(table, "group"),
        egress: reader.sections(table, "egress"),
        models: reader.sections(table, "model"),
        collections: reader.sections(table, "collection"),
        partners: reader.sections(table, "partner"),
        ..Perimeter::default()
    };
    reader.rest(table, &TOP);
    Some(perimeter)
}

#[cfg(test)]
mod tests;
