//! Is the configuration right, and is what it names there?

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use intramuros_core::error::Error;
use intramuros_core::perimeter::host::with_port;
use intramuros_core::perimeter::{Day, Perimeter};
use intramuros_journal::keys;
use intramuros_journal::time::now_ms;

use super::{Last, Where, print};
use crate::{load, number_of};

/// Names that a warning shows. 5: enough to know which are meant.
const NAMES_SHOWN: usize = 5;

/// Claims that people don't choose themselves: a provider's own name for them, and an address that it checks.
const NOT_CHOSEN: [&str; 2] = ["sub", "email"];

/// `perimeter check`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    pub(super) place: Where,
}

/// Prints that all is well, with what to think of all the same, or what is named but not there.
///
/// # Errors
/// When the configuration has mistakes, or names files and folders that are not there.
pub fn run(args: &Args, last: Option<&Last>, out: &mut dyn Write) -> Result<(), Error> {
    let (perimeter, data) = args.place.load(last)?;
    let mut absent = absent(&perimeter);
    absent.extend(key_elsewhere(&perimeter, &data));
    if !absent.is_empty() {
        let error = Error::config("the configuration names what is not there");
        return Err(absent.into_iter().fold(error, Error::hint));
    }
    let counted = format!(
        "{}: no mistakes. {}, {}, {}, {}; {}.\n",
        perimeter.file().unwrap_or("no file: the defaults hold"),
        number_of(perimeter.sources.len() as u64, "source", "sources"),
        number_of(perimeter.access.len() as u64, "access rule", "access rules"),
        number_of(perimeter.egress.len() as u64, "way out", "ways out"),
        number_of(perimeter.models.len() as u64, "model", "models"),
        match (perimeter.sealed, perimeter.require_seal) {
            (true, true) => "sealed, or refused to start",
            (true, false) => "sealed as far as the kernel can",
            (false, _) => "not sealed",
        }
    );
    print(out, &counted)?;
    let warnings = ended(&perimeter, Day::of_ms(now_ms())).into_iter().chain(chosen_names(&perimeter));
    warnings.map(|warning| format!("warning: {warning}\n")).try_for_each(|line| print(out, &line))
}

/// Ways out whose last day is over, though the file still has them.
fn ended(perimeter: &Perimeter, today: Day) -> Vec<String> {
    let file = perimeter.file().unwrap_or_default();
    let closed = perimeter.egress.iter().enumerate().filter(|(_, rule)| !rule.open_on(today));
    closed
        .filter_map(|(number, rule)| {
            let key = format!("egress[{number}].until");
            let (at, to) = (perimeter.origin(&key).in_words(file), with_port(&rule.host, rule.port));
            Some(format!("{key} ({at}): the way to {to} ended on {}: nothing leaves by it", rule.until?))
        })
        .collect()
}

/// That the journal's key still lies in the data folder, though another place is declared.
fn key_elsewhere(perimeter: &Perimeter, data: &Path) -> Option<String> {
    let (declared, earlier) = (load::journal_key(perimeter, data), load::own_journal_key(data));
    keys::was_left_behind(&declared, &earlier).then(|| {
        format!(
            "journal.key_file ({}): {} is not there, and {} has signed so far: move it there, with its `.head` \
             and `.pub`",
            perimeter.origin("journal.key_file").in_words(perimeter.file().unwrap_or_default()),
            declared.display(),
            earlier.display()
        )
    })
}

/// What to think of where people come with names from a provider, and the file gives rights to names: whoever is first to
/// come by such a name there has its rights here. None where people can't choose their names, or no name has rights.
fn chosen_names(perimeter: &Perimeter) -> Option<String> {
    let provider = perimeter.sign_in.iter().find(|one| !NOT_CHOSEN.contains(&one.name_claim.as_str()))?;
    let users = perimeter.users.iter().map(|user| &user.name);
    let members = perimeter.groups.iter().flat_map(|group| &group.members);
    let readers = perimeter.access.iter().flat_map(|access| &access.users);
    let names: BTreeSet<&String> = users.chain(members).chain(readers).collect();
    let shown: Vec<&str> = names.iter().take(NAMES_SHOWN).map(|name| name.as_str()).collect();
    let more = if names.len() > shown.len() { " and others" } else { "" };
    (!shown.is_empty()).then(|| {
        format!(
            "the file gives rights to {}{more}, and people come by `{}` under the name that its claim `{}` says: whoever \
             first comes under one of these names has its rights. See that nobody chooses that claim there, or give \
             rights to groups instead (docs/accounts.md)",
            shown.join(", "),
            provider.name,
            provider.name_claim
        )
    })
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
    let providers = perimeter.sign_in.iter().enumerate().filter_map(|(number, provider)| {
        let path = provider.client_secret_file.as_ref()?;
        Some((format!("sign_in[{number}].client_secret_file"), path))
    });
    let single = [
        ("accounts.key_file", &perimeter.accounts.key_file),
        ("server.token_file", &perimeter.server.token_file),
    ];
    let single = single.into_iter().filter_map(|(key, path)| Some((key.to_owned(), path.as_ref()?)));
    let file = perimeter.file().unwrap_or_default().to_owned();
    sources
        .chain(rules)
        .chain(models)
        .chain(providers)
        .chain(single)
        .filter(|(_, path)| !path.exists())
        .map(|(key, path)| {
            format!("{} ({}): {} is not there", key, perimeter.origin(&key).in_words(&file), path.display())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_secrets_that_are_not_there_and_ways_that_have_ended_are_told() {
        let text = "[server]\ntoken_file = '/none/token'\n[accounts]\nkey_file = '/none/key'\n\
             [[egress]]\nhost = '127.0.0.1'\nport = 9\npurpose = 'sign-in'\ntls = false\nuntil = 2020-01-01\n\
             [[sign_in]]\nname = 'sso'\nissuer = 'http://127.0.0.1:9'\nclient_id = 'us'\n\
             client_secret_file = '/none/secret'";
        let perimeter = Perimeter::parse(text, "intramuros.toml").unwrap();
        let absent = absent(&perimeter);
        let expected = ["sign_in[0].client_secret_file", "accounts.key_file", "server.token_file"];
        assert_eq!(absent.len(), expected.len(), "{absent:?}");
        assert!(absent.iter().zip(expected).all(|(said, key)| said.starts_with(key)), "{absent:?}");
        assert!(absent[1].contains("intramuros.toml:4"), "{absent:?}");
        let said = ended(&perimeter, Day::parse("2020-01-02").unwrap());
        assert!(said.len() == 1 && said[0].contains("127.0.0.1:9 ended on 2020-01-01"), "{said:?}");
        assert!(ended(&perimeter, Day::parse("2020-01-01").unwrap()).is_empty());
    }

    #[test]
    fn rights_given_to_names_that_people_may_choose_are_warned_of() {
        let check = |claim: &str, rights: &str, expected: Option<&str>| {
            let text = format!(
                "[[egress]]\nhost = '127.0.0.1'\nport = 9\npurpose = 'sign-in'\ntls = false\n\
                 [[sign_in]]\nname = 'sso'\nissuer = 'http://127.0.0.1:9'\nclient_id = 'us'\n{claim}\n\
                 [[source]]\nname = 'docs'\npath = '/'\n{rights}"
            );
            let perimeter = Perimeter::parse(&text, "intramuros.toml").unwrap();
            let found = chosen_names(&perimeter);
            assert_eq!(found.is_some(), expected.is_some(), "{text}: {found:?}");
            let (found, expected) = (found.unwrap_or_default(), expected.unwrap_or_default());
            assert!(found.contains(expected), "{found}");
        };
        let access = |more: &str| format!("[[access]]\nsource = 'docs'\n{more}\n");
        let group = "[[group]]\nname = 'rh'\nmembers = ['bruno']\n";
        let user = "[[user]]\nname = 'carl'\ngroups = ['rh']\n";
        check("", "", None);
        check("", &access("groups = ['rh']"), None);
        check("", &access("users = ['anne']"), Some("rights to anne, and people come by `sso`"));
        check("", group, Some("bruno"));
        check("", user, Some("carl"));
        check("", &access("users = ['a', 'b', 'c', 'd', 'e', 'f']"), Some("a, b, c, d, e and others"));
        check("name_claim = 'upn'", user, Some("`upn`"));
        check("name_claim = 'sub'", user, None);
        check("name_claim = 'email'", user, None);
    }
}
