//! Which sources, which data folder, and how are files read?

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use intramuros_core::access::Principal;
use intramuros_core::document::Limits;
use intramuros_core::error::Error;
use intramuros_core::perimeter::{Model, ModelKind, ModelUse, Perimeter};
use intramuros_egress::Egress;
use intramuros_inference::{Embedder, RemoteEmbedder};
use intramuros_ingest::passages::{PassageOptions, split};
use intramuros_ingest::{Extractor, Ocr, Pool};
use intramuros_library::{Embed, Library, Options, Reading};
use intramuros_netpol::language::Language;
use intramuros_perimeter::cli::{Last, is_same};
use intramuros_perimeter::load;
use intramuros_server::Look;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::output::{Output, name};
use crate::walls;

/// How many data folders are known by the folders that were read into them. 20: more than somebody goes back to.
const MOST_KNOWN: usize = 20;

/// Changes with the readers and with how passages are cut: files that another version read are read again.
const READER_VERSION: u32 = 7;

/// Which configuration and which data folder a command uses.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Where {
    /// The configuration; `intramuros.toml` here or in /etc/intramuros when not given
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data folder; one for each folder of documents when not given or declared
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}

/// Who asks.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct As {
    /// Search as this user, with these groups, instead of as the owner
    #[arg(long = "as", value_name = "USER[,GROUP…]")]
    pub principal: Option<String>,
}

impl As {
    /// The principal: the owner when none is named.
    ///
    /// # Errors
    /// When the names can't be names.
    pub fn principal(&self) -> Result<Principal, Error> {
        match &self.principal {
            None => Ok(Principal::owner()),
            Some(text) => Principal::parse(text).map_err(|error| {
                Error::user(format!("--as: {error}"))
                    .hint("write --as USER or --as USER,GROUP,GROUP")
                    .hint("leave --as out to ask as the owner, who may read everything")
            }),
        }
    }
}

impl Where {
    /// The perimeter with the folders of the command line, and the data folder. Remembers the folder, so that
    /// `intramuros ask` finds it.
    ///
    /// # Errors
    /// When the configuration is wrong, a folder is not there, or nothing is declared at all.
    pub fn with_folders(&self, folders: &[PathBuf]) -> Result<(Perimeter, PathBuf), Error> {
        let mut perimeter = load::load(self.config.as_deref())?;
        for folder in folders {
            let path = std::fs::canonicalize(folder).map_err(|error| {
                let hint = hint_of(&error);
                Error::user(format!("{}: not a folder that can be opened", folder.display()))
                    .because(error)
                    .hint(hint)
            })?;
            if !path.is_dir() {
                return Err(Error::user(format!("{} is not a folder", folder.display())).hint(
                    "give the folder that holds the documents, or `intramuros extract FILE` for one file",
                ));
            }
            perimeter.add_folder(path);
        }
        if perimeter.sources.is_empty() {
            return Err(Error::user("no folder is given and no source is declared")
                .hint("`intramuros serve FOLDER` reads a folder")
                .hint("or declare sources in intramuros.toml"));
        }
        let data = self.data_for(&mut perimeter);
        if self.data.is_none() && perimeter.file().is_none() {
            remember(&data, &perimeter);
        }
        if perimeter.file().is_none() {
            perimeter.add_uploads();
        }
        Ok((perimeter, data))
    }

    /// The perimeter and the data folder of the folder of documents in which the command runs, else those that were used
    /// last, for commands that only look. Where it could have been another one, standard error says which it is.
    ///
    /// # Errors
    /// When the configuration is wrong or nothing was read yet.
    pub fn last_used(&self) -> Result<(Perimeter, PathBuf), Error> {
        let mut perimeter = load::load(self.config.as_deref())?;
        if self.data.is_some() || perimeter.file().is_some() {
            let data = self.data_for(&mut perimeter);
            return Ok((perimeter, data));
        }
        let known = known();
        let (last, holds) = chosen(&known, &here()).ok_or_else(|| {
            Error::user("nothing was read yet")
                .hint("`intramuros ingest FOLDER` or `intramuros serve FOLDER` reads a folder")
        })?;
        if !holds && known.len() > 1 {
            let mut out = Output::new();
            let note = which(last, out.language());
            out.note(&note);
        }
        Ok((perimeter, last.data.clone()))
    }

    fn data_for(&self, perimeter: &mut Perimeter) -> PathBuf {
        if let Some(data) = &self.data {
            let data = std::path::absolute(data).unwrap_or_else(|_| data.clone());
            perimeter.data.folder = Some(data.clone());
            perimeter.set_by_command("data.folder", "--data");
            return data;
        }
        if perimeter.file().is_some() || perimeter.data.folder.is_some() {
            return load::data_folder(perimeter);
        }
        let data = data_home().join(name_of(perimeter));
        perimeter.data.folder = Some(data.clone());
        data
    }
}

/// Where this person's programs keep their data.
fn data_home() -> PathBuf {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("/var/lib"))
        .join("intramuros")
}

/// A name for the data of these folders: readable, and one's own for each set of folders.
fn name_of(perimeter: &Perimeter) -> String {
    let mut hasher = blake3::Hasher::new();
    for source in &perimeter.sources {
        hasher.update(source.place().as_bytes());
        hasher.update(&[0]);
    }
    let first = perimeter.sources.first().and_then(|source| source.path.file_name());
    let readable: String = first
        .map(|name| {
            name.to_string_lossy().chars().filter(|c| c.is_alphanumeric() || *c == '-').take(40).collect()
        })
        .unwrap_or_default();
    let hash: String = hasher.finalize().to_hex().chars().take(8).collect();
    format!("{readable}-{hash}")
}

fn remember(data: &Path, perimeter: &Perimeter) {
    let folders = perimeter.sources.iter().map(|source| source.path.clone()).collect();
    let known = with(Last { data: data.to_owned(), folders }, known());
    let home = data_home();
    let new = home.join("last.new");
    // Only a convenience: when it can't be kept, `--data` still works.
    let _ = std::fs::create_dir_all(&home)
        .and_then(|()| std::fs::write(&new, written(&known)))
        .and_then(|()| std::fs::rename(&new, home.join("last")));
}

/// What was read without a configuration and is still there, the newest first.
fn known() -> Vec<Last> {
    let text = std::fs::read(data_home().join("last")).unwrap_or_default();
    let mut known = parsed(&String::from_utf8_lossy(&text));
    known.retain(|one| one.data.is_dir());
    known
}

/// The newest before the others, each data folder once.
fn with(newest: Last, others: Vec<Last>) -> Vec<Last> {
    let others = others.into_iter().filter(|one| one.data != newest.data).collect::<Vec<_>>();
    std::iter::once(newest).chain(others).take(MOST_KNOWN).collect()
}

/// What is known, as it is kept: a data folder and its folders of documents, a path a line, an empty line before the next.
/// A path of several lines is left out, and one that is no UTF-8 is not found again: both are only a convenience less.
fn written(known: &[Last]) -> Vec<u8> {
    let one_line = |path: &&[u8]| !path.contains(&b'\n');
    let entry = |one: &Last| {
        let folders = one.folders.iter().map(|folder| folder.as_os_str().as_encoded_bytes()).filter(one_line);
        let data = one.data.as_os_str().as_encoded_bytes();
        std::iter::once(data).chain(folders).collect::<Vec<_>>().join(b"\n".as_slice())
    };
    known.iter().map(entry).collect::<Vec<_>>().join(b"\n\n".as_slice())
}

/// What [`written`] wrote; a file of a version that kept the last one alone is a list of one.
fn parsed(text: &str) -> Vec<Last> {
    let entry = |text: &str| {
        let mut paths = text.split('\n').filter(|path| !path.is_empty()).map(PathBuf::from);
        Some(Last { data: paths.next()?, folders: paths.collect() })
    };
    text.split("\n\n").filter_map(entry).collect()
}

/// The one whose folders of documents hold `here`, the innermost and then the newest of several, and that it does; else
/// the newest.
fn chosen<'a>(known: &'a [Last], here: &Path) -> Option<(&'a Last, bool)> {
    let depth = |one: &Last| {
        let holding = one.folders.iter().filter(|folder| here.starts_with(folder));
        holding.map(|folder| folder.components().count()).max()
    };
    // Of equals the last one is taken: turned round, it is the newest.
    let holding = known.iter().rev().filter(|one| depth(one).is_some()).max_by_key(|one| depth(one));
    holding.map(|one| (one, true)).or_else(|| known.first().map(|one| (one, false)))
}

/// Where the command runs; nowhere that was read when the folder is gone.
fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}

/// What is said where another folder could be meant.
fn which(last: &Last, language: Language) -> String {
    let first = last.folders.first().unwrap_or(&last.data).to_string_lossy();
    let folder = match last.folders.len() {
        0 | 1 => name(&first).into_owned(),
        folders => format!("{} (+{})", name(&first), folders - 1),
    };
    language.pick(
        format!(
            "dossier lu en dernier : {folder} ; pour un autre, lancez la commande dedans, ou donnez --data"
        ),
        format!("the folder read last: {folder}; for another one, run the command inside it, or give --data"),
    )
}

/// What was read without a configuration: into the data folder that is named, else of the folder in which the command runs or
/// else last; none when nothing was, or it is gone.
pub fn last(data: Option<&Path>) -> Option<Last> {
    let known = known();
    let Some(data) = data else { return chosen(&known, &here()).map(|(last, _)| last.clone()) };
    known.into_iter().find(|one| is_same(&one.data, data))
}

/// What to do about a file or folder that can't be opened.
pub fn hint_of(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
            format!(
                "check how it is spelled; a path without `/` at its start is looked for in {}",
                here().display()
            )
        }
        std::io::ErrorKind::PermissionDenied => "`ls -ld` shows who may open it".to_owned(),
        _ => "check that the disk or share that it lies on is there".to_owned(),
    }
}

/// The threads that this machine has.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What drives connections on so many threads; `wrong` is said where the system gives none.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime(threads: usize, wrong: &str) -> Result<Runtime, Error> {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|error| Error::internal(wrong).because(error))
}

/// This program's own file. On Linux by the name that leads to what is running, whatever lies at its path by now: a
/// newer version that is put there while this one runs is another file, which a sealed process can't start.
///
/// # Errors
/// When the system can't tell.
pub fn this_program() -> Result<PathBuf, Error> {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return Ok(running.to_owned());
    }
    std::env::current_exe().map_err(|error| Error::config("this program can't find itself").because(error))
}

/// Reads files in processes of this same program.
///
/// # Errors
/// As [`this_program`].
pub fn extractor(perimeter: &Perimeter) -> Result<Extractor, Error> {
    let limits = perimeter.limits.over(Default::default());
    Ok(Extractor::Workers(Pool::new(this_program()?, vec!["worker".into()], threads(), limits)))
}

/// Looks at pages of PDFs in processes of this same program; not in those that read, so that whoever looks at a page
/// does not wait for a thousand files. With the processes, for whoever stops them.
///
/// # Errors
/// As [`this_program`].
pub fn look(perimeter: &Perimeter) -> Result<(Look, Arc<Pool>), Error> {
    /// A page is drawn in a tenth of a second: more would only take memory.
    const AT_ONCE: usize = 2;
    /// How long somebody waits for a page.
    const TIME: Duration = Duration::from_secs(10);
    let limits = perimeter.limits.over(Default::default());
    let limits = Limits { time: limits.time.min(TIME), ..limits };
    let pool = Arc::new(Pool::new(this_program()?, vec!["worker".into()], AT_ONCE, limits));
    let looks = Arc::clone(&pool);
    let look: Look = Arc::new(move |bytes, wish| looks.look(bytes, wish));
    Ok((look, pool))
}

/// The installed OCR program, confined; none when there is none.
///
/// # Errors
/// As [`this_program`].
pub fn ocr() -> Result<Option<Ocr>, Error> {
    let program = this_program()?;
    Ok(Ocr::find().map(|ocr| ocr.through(walls::confining(&program))))
}

/// Opens the library to read and search.
///
/// # Errors
/// As [`Library::open`].
pub fn open(
    perimeter: Perimeter,
    data: PathBuf,
    ocr: Option<Ocr>,
    way_out: Option<(&Egress, &Handle)>,
) -> Result<Library, Error> {
    let extractor = Arc::new(extractor(&perimeter)?);
    let ends = Arc::clone(&extractor);
    let limits = extractor.limits().clone();
    // With OCR installed or removed, files that only it reads are tried again.
    let version = READER_VERSION * 2 + u32::from(ocr.is_some());
    let options = PassageOptions::default();
    let reading = Reading {
        extract: Arc::new(move |name, bytes| extractor.extract_with(name, bytes, ocr.as_ref())),
        split: Arc::new(move |extracted| split(extracted, &options)),
        version,
        threads: threads(),
        limits,
    };
    let mut models = embedders(&perimeter, way_out)?.into_iter();
    // Without a way to the declared model its vectors wait for `serve`: those of another one are not made in their place.
    let declared = embedding_models(&perimeter).next().is_some();
    let embed = if way_out.is_none() && declared { None } else { models.next() };
    let library = Library::open(Options { data, perimeter, reading, embed, earlier: models.collect() })?;
    library.on_stop(Box::new(move || ends.stop()));
    Ok(library)
}

/// Opens the library to search only.
///
/// # Errors
/// As [`Library::open_read_only`].
pub fn open_read_only(
    perimeter: Perimeter,
    data: &Path,
    way_out: Option<(&Egress, &Handle)>,
) -> Result<Library, Error> {
    let models = embedders(&perimeter, way_out)?;
    Library::open_read_only(data, perimeter, models)
}

/// The models that make vectors, the declared ones first. Without a way out only the built-in one: where another one's
/// vectors serve, words alone are searched then.
fn embedders(
    perimeter: &Perimeter,
    way_out: Option<(&Egress, &Handle)>,
) -> Result<Vec<Arc<dyn Embed>>, Error> {
    let mut models: Vec<Arc<dyn Embed>> = Vec::new();
    if let Some((egress, runtime)) = way_out {
        for model in embedding_models(perimeter) {
            models.push(Arc::new(RemoteEmbedder::new(model, egress.clone(), runtime.clone())?));
        }
    }
    models.push(Arc::new(Embedder::built_in(threads())?));
    Ok(models)
}

/// The declared models that make vectors at a service: the one that is to serve, and the one that served before, if its
/// vectors are to serve until the new ones are there. None where the built-in one does it.
pub fn embedding_models(perimeter: &Perimeter) -> impl Iterator<Item = &Model> {
    let embeds = |model: &&Model| model.purpose == ModelUse::Embedding && model.kind == ModelKind::OpenAi;
    perimeter.models.iter().filter(embeds)
}

/// Hash of the token that programs must show; none where none is declared.
///
/// # Errors
/// When the declared file can't be read or holds too little to be a secret.
pub fn token(perimeter: &Perimeter) -> Result<Option<blake3::Hash>, Error> {
    /// Shorter ones are guessed.
    const LEAST_LETTERS: usize = 16;
    let Some(path) = &perimeter.server.token_file else { return Ok(None) };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::config(format!("server.token_file: {} can't be read", path.display())).because(error)
    })?;
    let token = text.trim();
    if token.len() < LEAST_LETTERS {
        return Err(Error::config(format!(
            "server.token_file: the token has fewer than {LEAST_LETTERS} letters"
        ))
        .hint("`openssl rand -hex 32` makes one"));
    }
    Ok(Some(blake3::hash(token.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &str, folders: &[&str]) -> Last {
        Last { data: data.into(), folders: folders.iter().map(PathBuf::from).collect() }
    }

    fn data(known: &[Last]) -> Vec<&str> {
        known.iter().filter_map(|one| one.data.to_str()).collect()
    }

    #[test]
    fn the_folder_around_the_command_comes_before_the_last_one() {
        let known = [
            read("/d/last", &["/home/a/mail"]),
            read("/d/home", &["/home/a"]),
            read("/d/both", &["/srv/x", "/home/a/work"]),
            read("/d/work", &["/home/a/work"]),
        ];
        let check = |here: &str, expected: &str, holds: bool| {
            let (one, held) = chosen(&known, Path::new(here)).unwrap();
            assert_eq!((one.data.to_str(), held), (Some(expected), holds), "{here}");
        };
        check("/home/a/mail/2024", "/d/last", true);
        check("/home/a/notes", "/d/home", true);
        // The innermost, and of two that read the same the newer one.
        check("/home/a/work", "/d/both", true);
        check("/srv/x/y", "/d/both", true);
        // A name that begins alike is another folder.
        check("/home/a2", "/d/last", false);
        check("", "/d/last", false);
        assert!(chosen(&[], Path::new("/home")).is_none());
    }

    #[test]
    fn what_was_read_is_kept_newest_first_and_once() {
        let mut known = Vec::new();
        for number in 0..MOST_KNOWN + 3 {
            known = with(read(&format!("/d/{number}"), &["/a"]), known);
        }
        assert_eq!(known.len(), MOST_KNOWN);
        let known = with(read("/d/9", &["/a", "/b c"]), known);
        assert_eq!((known.len(), &data(&known)[..2]), (MOST_KNOWN, ["/d/9", "/d/22"].as_slice()));
        let text = String::from_utf8(written(&known)).unwrap();
        let again = parsed(&text);
        assert_eq!(data(&again), data(&known));
        assert_eq!(again[0].folders, [PathBuf::from("/a"), PathBuf::from("/b c")]);
    }

    #[test]
    fn what_is_kept_can_be_of_an_earlier_version_or_hold_odd_names() {
        let earlier = parsed("/d/one\n/a\n/b");
        assert_eq!((data(&earlier), earlier[0].folders.len()), (vec!["/d/one"], 2));
        assert!(parsed("").is_empty() && parsed("\n\n\n").is_empty());
        let odd = [read("/d/one", &["/a\n\n/d/forged", "/b"]), read("/d/two", &["/c"])];
        let text = String::from_utf8(written(&odd)).unwrap();
        assert_eq!(data(&parsed(&text)), ["/d/one", "/d/two"]);
    }
}
