//! Is the configuration right, and is what it names there?

use std::io::Write;

use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;

use super::{Last, Where, print};

/// `perimeter check`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    place: Where,
}

/// Prints that all is well, or what is named but not there.
///
/// # Errors
/// When the configuration has mistakes, or names files and folders that are not there.
pub fn run(args: &Args, last: Option<&Last>, out: &mut dyn Write) -> Result<(), Error> {
    let (perimeter, _) = args.place.load(last)?;
    let absent = absent(&perimeter);
    if !absent.is_empty() {
        let error = Error::config("the configuration names what is not there");
        return Err(absent.into_iter().fold(error, Error::hint));
    }
    let counted = format!(
        "{}: no mistakes. {} sources, {} access rules, {} ways out, {} models; {}.\n",
        perimeter.file().unwrap_or("no file: the defaults hold"),
        perimeter.sources.len(),
        perimeter.access.len(),
        perimeter.egress.len(),
        perimeter.models.len(),
        match (perimeter.sealed, perimeter.require_seal) {
            (true, true) => "sealed, or refused to start",
            (true, false) => "sealed as far as the kernel can",
            (false, _) => "not sealed",
        }
    );
    print(out, &counted)
}

/// Files and folders that are named and can't be found.
fn absent(perimeter: &Perimeter) -> Vec<String> {
    let sources = perimeter
        .sources
        .iter()
        .enumerate()
        .map(|(number, one)| match &one.secret_file {
            Some(file) if one.is_remote() => (format!("source[{number}].secret_file"), file),
            _ => (format!("source[{number}].path"), &one.path),
        })
        .filter(|(_, path)| !path.as_os_str().is_empty());
    let rules = perimeter.egress.iter().enumerate().flat_map(|(number, rule)| {
        [
            ("ca_file", &rule.ca_file),
            ("certificate_file", &rule.certificate_file),
            ("key_file", &rule.key_file),
        ]
        .into_iter()
        .filter_map(move |(key, path)| path.as_ref().map(|path| (format!("egress[{number}].{key}"), path)))
    });
    let models = perimeter.models.iter().enumerate().flat_map(|(number, model)| {
        [("key_file", &model.key_file), ("file", &model.file)]
            .into_iter()
            .filter_map(move |(key, path)| path.as_ref().map(|path| (format!("model[{number}].{key}"), path)))
    });
    let file = perimeter.file().unwrap_or_default().to_owned();
    sources
        .chain(rules)
        .chain(models)
        .filter(|(_, path)| !path.exists())
        .map(|(key, path)| {
            format!("{} ({}): {} is not there", key, perimeter.origin(&key).in_words(&file), path.display())
        })
        .collect()
}
