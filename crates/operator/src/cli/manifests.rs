//! `operator manifests`: what must be applied to a cluster so that the operator runs there.

use std::io::Write;
use std::path::PathBuf;

use intramuros_core::error::Error;

use super::written;
use crate::manifests::classes::{Class, objects};
use crate::manifests::{Options, all, helm, yaml};

/// Arguments of `operator manifests`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The operator's namespace
    #[arg(long, value_name = "NAMESPACE", default_value = "intramuros-system")]
    namespace: String,
    /// The image of the program, built with its operator
    #[arg(long, value_name = "IMAGE", default_value = concat!("intramuros:", env!("CARGO_PKG_VERSION")))]
    image: String,
    /// Namespaces of environments, separated by commas: the operator gets rights in these alone
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    environments: Vec<String>,
    /// Write ClusterClasses of these providers instead, into each namespace of --environments
    #[arg(long, value_name = "PROVIDERS", value_delimiter = ',', value_enum, requires = "environments")]
    classes: Vec<Class>,
    /// Write a Helm chart to this folder instead
    #[arg(long, value_name = "FOLDER")]
    helm: Option<PathBuf>,
}

/// Writes them.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), Error> {
    if !args.classes.is_empty() {
        let objects: Vec<_> = args
            .environments
            .iter()
            .flat_map(|namespace| args.classes.iter().flat_map(|class| objects(*class, namespace)))
            .collect();
        let text = yaml(&objects).map_err(Error::internal)?;
        return written(out.write_all(text.as_bytes()));
    }
    let Some(folder) = &args.helm else {
        let options = Options {
            namespace: args.namespace.clone(),
            image: args.image.clone(),
            environments: args.environments.clone(),
        };
        let text = yaml(&all(&options)).map_err(Error::internal)?;
        return written(out.write_all(text.as_bytes()));
    };
    for (name, text) in helm::chart(env!("CARGO_PKG_VERSION")).map_err(Error::internal)? {
        let path = folder.join(&name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| Error::config(format!("{} can't be written", path.display())).because(error))?;
        written(writeln!(out, "{}", path.display()))?;
    }
    Ok(())
}
