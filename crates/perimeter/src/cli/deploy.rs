//! The perimeter in other words: systemd, Kubernetes, Cilium, nftables.

use std::io::Write;

use clap::ValueEnum;
use intramuros_core::error::Error;

use super::{Last, Where, print};
use crate::deploy::{cilium, kubernetes, nftables, systemd};

/// `perimeter deploy`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// In which form
    #[arg(value_enum)]
    form: Form,
    #[command(flatten)]
    pub(super) place: Where,
    /// The user that the program runs as (nftables)
    #[arg(long, default_value = "intramuros")]
    user: String,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A hardened unit
    Systemd,
    /// A NetworkPolicy
    Kubernetes,
    /// A CiliumNetworkPolicy, with names
    Cilium,
    /// Rules for the program's user
    Nftables,
}

/// Prints the form.
///
/// # Errors
/// When the configuration has mistakes or the output can't be written.
pub fn run(args: &Args, last: Option<&Last>, out: &mut dyn Write) -> Result<(), Error> {
    let (perimeter, _) = args.place.load(last)?;
    let text = match args.form {
        Form::Systemd => systemd::unit(&perimeter),
        Form::Kubernetes => kubernetes::policy(&perimeter),
        Form::Cilium => cilium::policy(&perimeter),
        Form::Nftables => nftables::rules(&perimeter, &args.user),
    };
    print(out, &text)
}
