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
use intramuros_perimeter::cli::Last;
use intramuros_perimeter::load;
use intramuros_server::Look;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::walls;

/// Changes with the readers and with how passages are cut: files that another version read are read again.
const READER_VERSION: u32 = 4;

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
                Error::user(format!("--as: {error}")).hint("write --as USER or --as USER,GROUP,GROUP")
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
                Error::user(format!("{}: not a folder that can be opened", folder.display())).because(error)
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

    /// The perimeter and the data folder that were used last, for commands that only look.
    ///
    /// # Errors
    /// When the configuration is wrong or nothing was read yet.
    pub fn last_used(&self) -> Result<(Perimeter, PathBuf), Error> {
        let mut perimeter = load::load(self.config.as_deref())?;
        if self.data.is_some() || perimeter.file().is_some() {
            let data = self.data_for(&mut perimeter);
            return Ok((perimeter, data));
        }
        let Last { data, .. } = last().ok_or_else(|| {
            Error::user("nothing was read yet")
                .hint("`intramuros ingest FOLDER` or `intramuros serve FOLDER` reads a folder")
        })?;
        Ok((perimeter, data))
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
    let home = data_home();
    let folders = perimeter.sources.iter().map(|source| source.path.as_path());
    let paths: Vec<&[u8]> =
        std::iter::once(data).chain(folders).map(|path| path.as_os_str().as_encoded_bytes()).collect();
    // Only a convenience: when it can't be kept, `--data` still works.
    let _ = std::fs::create_dir_all(&home);
    let _ = std::fs::write(home.join("last"), paths.join(b"\n".as_slice()));
}

/// What was read last without a configuration; none when nothing was, or it is gone.
pub fn last() -> Option<Last> {
    let text = std::fs::read_to_string(data_home().join("last")).ok()?;
    let mut paths = text.lines().map(PathBuf::from);
    let data = paths.next()?;
    data.is_dir().then(|| Last { data, folders: paths.collect() })
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
/// does not wait for a thousand files.
///
/// # Errors
/// As [`this_program`].
pub fn look(perimeter: &Perimeter) -> Result<Look, Error> {
    /// A page is drawn in a tenth of a second: more would only take memory.
    const AT_ONCE: usize = 2;
    /// How long somebody waits for a page.
    const TIME: Duration = Duration::from_secs(10);
    let limits = perimeter.limits.over(Default::default());
    let limits = Limits { time: limits.time.min(TIME), ..limits };
    let pool = Pool::new(this_program()?, vec!["worker".into()], AT_ONCE, limits);
    Ok(Arc::new(move |bytes, wish| pool.look(bytes, wish)))
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
    let extractor = extractor(&perimeter)?;
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
    let embed = if way_out.is_none() && embedding_model(&perimeter).is_some() { None } else { models.next() };
    Library::open(Options { data, perimeter, reading, embed, earlier: models.collect() })
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

/// The models that make vectors, the declared one first. Without a way out only the built-in one: where another one's
/// vectors serve, words alone are searched then.
fn embedders(
    perimeter: &Perimeter,
    way_out: Option<(&Egress, &Handle)>,
) -> Result<Vec<Arc<dyn Embed>>, Error> {
    let mut models: Vec<Arc<dyn Embed>> = Vec::new();
    if let (Some(model), Some((egress, runtime))) = (embedding_model(perimeter), way_out) {
        models.push(Arc::new(RemoteEmbedder::new(model, egress.clone(), runtime.clone())?));
    }
    models.push(Arc::new(Embedder::built_in(threads())?));
    Ok(models)
}

/// The declared model that makes vectors at a service; none where the built-in one does.
pub fn embedding_model(perimeter: &Perimeter) -> Option<&Model> {
    let embeds = |model: &&Model| model.purpose == ModelUse::Embedding && model.kind == ModelKind::OpenAi;
    perimeter.models.iter().find(embeds)
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
