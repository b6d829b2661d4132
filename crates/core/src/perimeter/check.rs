//! Do the declared values make sense together?

use std::collections::BTreeMap;

use super::host::{parse_host_port, parse_url, with_port};
use super::mistake::{Position, nearest};
use super::read::Reader;
use super::source::{ATTACHED, place_of};
use super::{
    AccessOrigin, DEFAULT_CONTEXT_TOKENS, Host, MAX_COLLECTION_NAME, MAX_COLLECTIONS, MAX_SECTIONS, Model,
    ModelKind, ModelUse, Perimeter, Purpose, Source, SourceKind,
};
use crate::access::check_name;

/// Checks a perimeter that was read without mistakes, so that the numbers of sections are those of the file.
pub(super) fn check(perimeter: &Perimeter, reader: &mut Reader<'_>) {
    counts(perimeter, reader);
    seal_and_server(perimeter, reader);
    names(perimeter, reader);
    sources(perimeter, reader);
    access(perimeter, reader);
    egress(perimeter, reader);
    models(perimeter, reader);
    collections(perimeter, reader);
    search(perimeter, reader);
    partners_and_journal(perimeter, reader);
    sign_in(perimeter, reader);
}

fn at(reader: &Reader<'_>, paths: &[String]) -> Position {
    paths.iter().find_map(|path| reader.places.get(path)).copied().unwrap_or(Position { line: 1, column: 1 })
}

fn wrong(reader: &mut Reader<'_>, path: &str, what: impl Into<String>, mend: impl Into<String>) {
    // A key that is absent has no place; its section has.
    let section = path.rsplit_once('.').map_or(path, |(section, _)| section).to_owned();
    let at = at(reader, &[path.to_owned(), section]);
    reader.mistake_at(at, what, mend);
}

fn counts(perimeter: &Perimeter, reader: &mut Reader<'_>) {
    let counted = [
        ("source", perimeter.sources.len()),
        ("access", perimeter.access.len()),
        ("user", perimeter.users.len()),
        ("group", perimeter.groups.len()),
        ("egress", perimeter.egress.len()),
        ("model", perimeter.models.len()),
        ("partner", perimeter.partners.len()),
        ("sign_in", perimeter.sign_in.len()),
    ];
    for (name, count) in counted {
        if count > MAX_SECTIONS {
            let what = format!("{count} sections [[{name}]]; at most {MAX_SECTIONS} are taken");
            wrong(reader, name, what, "use groups and patterns to say more with fewer");
        }
    }
}

fn seal_and_server(perimeter: &Perimeter, reader: &mut Reader<'_>) {
    if perimeter.require_seal && !perimeter.sealed {
        let what = "`require_seal = true` with `sealed = false`";
        wrong(reader, "require_seal", what, "leave out `sealed = false`, or `require_seal`");
    }
    if perimeter.server.listen.is_empty() {
        wrong(reader, "server.listen", "no address to listen on", "write `listen = \"127.0.0.1:7171\"`");
    }
    if let Some(url) = &perimeter.server.public_url
        && let Err(why) = parse_url(url)
    {
        wrong(
            reader,
            "server.public_url",
            why,
            "write the address people type: `https://search.example.org`",
        );
    }
    let limits = &perimeter.limits;
    let numbers = [
        ("file_bytes", limits.file_bytes),
        ("unpacked_bytes", limits.unpacked_bytes),
        ("ratio", limits.ratio),
        ("text_bytes", limits.text_bytes),
        ("memory_bytes", limits.memory_bytes),
        ("members", limits.members.map(u64::from)),
        ("pages", limits.pages.map(u64::from)),
        ("time_seconds", limits.time_seconds.map(u64::from)),
    ];
    for (name, _) in numbers.into_iter().filter(|(_, value)| *value == Some(0)) {
        let what = format!("`{name} = 0` would let no file be read");
        wrong(
            reader,
            &format!("limits.{name}"),
            what,
            "write a larger number, or leave it out for the default",
        );
    }
    for (number, server) in perimeter.dns.servers.iter().enumerate() {
        let with_a_port = server.parse::<std::net::SocketAddr>().is_ok();
        if !with_a_port && server.parse::<std::net::IpAddr>().is_err() {
            let what = format!("`{server}` is not the address of a name server");
            wrong(
                reader,
                &format!("dns.servers[{number}]"),
                what,
                "write an address: `192.0.2.53` or `192.0.2.53:53`",
            );
        }
    }
}

fn names(perimeter: &Perimeter, reader: &mut Reader<'_>) {
    let kinds: [(&str, Vec<&str>); 7] = [
        ("source", perimeter.sources.iter().map(|source| source.name.as_str()).collect()),
        ("user", perimeter.users.iter().map(|user| user.name.as_str()).collect()),
        ("group", perimeter.groups.iter().map(|group| group.name.as_str()).collect()),
        ("model", perimeter.models.iter().map(|model| model.name.as_str()).collect()),
        ("collection", perimeter.collections.iter().map(|one| one.name.as_str()).collect()),
        ("partner", perimeter.partners.iter().map(|partner| partner.name.as_str()).collect()),
        ("sign_in", perimeter.sign_in.iter().map(|provider| provider.name.as_str()).collect()),
    ];
    for (kind, names) in kinds {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, name) in names.into_iter().enumerate() {
            let path = format!("{kind}[{number}].name");
            if let Err(why) = check_name(name) {
                wrong(reader, &path, why, "write a name");
            } else if let Some(first) = seen.insert(name, number) {
                let first = at(reader, &[format!("{kind}[{first}].name")]).line;
                let what = format!("the {kind} `{name}` is declared twice (first in line {first})");
                wrong(reader, &path, what, "give it another name, or join the two");
            }
        }
    }
}

fn sources(perimeter: &Perimeter, reader: &mut Reader<'_>) {
    for (number, source) in perimeter.sources.iter().enumerate() {
        let section = format!("source[{number}]");
        if source.name == ATTACHED {
            let what =
                format!("`{ATTACHED}` is the program's own name for what is attached to conversations");
            wrong(reader, &format!("{section}.name"), what, "give the source another name");
        }
        if source.kind == SourceKind::Folder {
            if source.path.as_os_str().is_empty() {
                let what = format!("the source `{}` is a folder and has no path", source.name);
                wrong(reader, &format!("{section}.path"), what, "add `path = \"…\"`, or say its `kind`");
            }
            if source.access == AccessOrigin::Source {
                let mend = "write `rules`, or `file-system` for the files' own permissions";
                wrong(reader, &format!("{section}.access"), "a folder says nothing by itself", mend);
            }
            continue;
        }
        if source.kind == SourceKind::Uploads {
            if source.url.is_some() || !source.path.as_os_str().is_empty() {
                let what = "what people bring is kept in the data folder";
                wrong(reader, &section, what, "leave `path` and `url` out");
            }
            continue;
        }
        if source.access == AccessOrigin::FileSystem {
            let what = "only a folder has the permissions of a file system";
            wrong(reader, &format!("{section}.access"), what, "write `rules`, or `source`");
        }
        if source.secret_file.is_some() && source.secret_variable.is_some() {
            let what = "the secret is said to be in two places";
            wrong(reader, &section, what, "keep `secret_file` or `secret_variable`");
        }
        for (key, value) in [("interval_minutes", source.interval_minutes), ("most_files", source.most_files)]
        {
            if value == Some(0) {
                let what = format!("`{key} = 0` would let nothing be fetched");
                wrong(reader, &format!("{section}.{key}"), what, "write a larger number, or leave it out");
            }
        }
        source_address(perimeter, reader, &section, source);
    }
}

fn source_address(perimeter: &Perimeter, reader: &mut Reader<'_>, section: &str, source: &Source) {
    let path = format!("{section}.url");
    let Some(url) = &source.url else {
        let what = format!("a source of kind `{}` needs its address", source.kind.word());
        return wrong(reader, section, what, "add `url = \"https://…\"`");
    };
    match place_of(source.kind, url) {
        Err(why) => wrong(reader, &path, why, "write it as `https://host/path`"),
        Ok((tls, host, port)) => reachable(perimeter, reader, &path, (tls, &host, port), Purpose::Source),
    }
}

fn access(perimeter: &Perimeter, reader: &mut Reader<'_>) {
    let known: Vec<&str> = perimeter.sources.iter().map(|source| source.name.as_str()).collect();
    for (number, access) in perimeter.access.iter().enumerate() {
        if let Some(name) = &access.source
            && !known.contains(&name.as_str())
        {
            let mend = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it with [[source]], or leave `source` out to mean all of them".to_owned(),
            };
            wrong(reader, &format!("access[{number}].source"), format!("no source is called `{name}`"), mend);
        }
        for (key, names) in [("users", &access.users), ("groups", &access.groups)] {
            if let Some(why) = names.iter().find_map(|name| check_name(name).err()) {
                wrong(reader, &format!("access[{number}].{key}"), why, "write a name");
            }
        }
    }
}

fn egress(perimeter: &Perimeter, reader: &mut Reader<'_>) {
    let mut seen: BTreeMap<(String, Purpose), usize> = BTreeMap::new();
    for (number, rule) in perimeter.egress.iter().enumerate() {
        let section = format!("egress[{number}]");
        let place = with_port(&rule.host, rule.port);
        if rule.port == 0 {
            wrong(reader, &format!("{section}.port"), "0 is not a port", "write a number from 1 to 65535");
        }
        let here = rule.host.is_loopback();
        if !rule.tls && !here {
            let what = format!("`tls = false` for {place}, which is not this machine");
            wrong(
                reader,
                &format!("{section}.tls"),
                what,
                "leave it out: what leaves the machine is encrypted",
            );
        }
        for (key, value) in
            [("operator", &rule.operator), ("jurisdiction", &rule.jurisdiction), ("data", &rule.data)]
        {
            if !here && value.as_ref().is_none_or(|text| text.trim().is_empty()) {
                let what = format!("the way out to {place} does not say its {key}");
                wrong(reader, &format!("{section}.{key}"), what, format!("add `{key} = \"…\"`"));
            }
        }
        if rule.certificate_file.is_some() != rule.key_file.is_some() {
            let what = "a certificate needs its key, and a key its certificate";
            wrong(reader, &section, what, "declare both `certificate_file` and `key_file`, or neither");
        }
        if matches!(rule.host, Host::Address(_)) && !rule.addresses.is_empty() {
            let what = format!("{place} is an address already");
            wrong(reader, &format!("{section}.addresses"), what, "leave `addresses` out");
        }
        if let Some(first) = seen.insert((place.clone(), rule.purpose), number) {
            let line = at(reader, &[format!("egress[{first}].host")]).line;
            let what = format!("{place} for {} is declared twice (first in line {line})", rule.purpose);
            wrong(reader, &format!("{section}.host"), what, "keep one of the two");
        }
    }
}

/// Whether a rule opens the way to `url` for `purpose`; says what is missing otherwise.
fn covered(perimeter: &Perimeter, reader: &mut Reader<'_>, path: &str, url: &str, purpose: Purpose) {
    match parse_url(url) {
        Err(why) => wrong(reader, path, why, "write it as `https://host/path`"),
        Ok((tls, host, port, _)) => reachable(perimeter, reader, path, (tls, &host, port), purpose),
    }
}

/// Whether a rule opens the way to a place (over TLS or not, host, port) for `purpose`.
fn reachable(
    perimeter: &Perimeter,
    reader: &mut Reader<'_>,
    path: &str,
    (tls, host, port): (bool, &Host, u16),
    purpose: Purpose,
) {
    if !tls && !host.is_loopback() {
        let what = format!("`{host}` is not this machine, so the connection must be encrypted");
        wrong(reader, path, what, "write `https://` (`imaps://` for a mailbox)");
    }
    match perimeter.egress_for(host, port, purpose).next() {
        None => needs_rule(reader, path, host, port, (purpose, tls)),
        Some(rule) if rule.tls != tls => {
            let what = format!("the address and the egress rule for {host} disagree on encryption");
            wrong(reader, path, what, "write `https://`, or `tls = false` in the rule for this machine");
        }
        Some(_) => {}
    }
}

/// Says what to add, to be copied as it stands.
fn needs_rule(reader: &mut Reader<'_>, path: &str, host: &Host, port: u16, (purpose, tls): (Purpose, bool)) {
    let mut lines = vec![
        "add".to_owned(),
        "[[egress]]".to_owned(),
        format!("host = \"{host}\""),
        format!("port = {port}"),
        format!("purpose = \"{purpose}\""),
    ];
    if !tls {
        lines.push("tls = false".to_owned());
    }
    if !host.is_loopback() {
        let more = [
            "operator = \"…\"      # who runs it",
            "jurisdiction = \"…\"  # whose law holds there: FR",
            "data = \"…\"          # what goes there",
        ];
        lines.extend(more.map(str::to_owned));
    }
    wrong(
        reader,
        path,
        format!("no egress rule opens {} for {purpose}", with_port(host, port)),
        lines.join("\n    "),
    );
}

fn models(perimeter: &Perimeter, reader: &mut Reader<'_>) {
    let known: Vec<&str> = perimeter.models.iter().map(|model| model.name.as_str()).collect();
    for (number, model) in perimeter.models.iter().enumerate() {
        let section = format!("model[{number}]");
        match (model.kind, &model.url, &model.file) {
            (ModelKind::OpenAi, Some(url), _) => {
                covered(perimeter, reader, &format!("{section}.url"), url, model.purpose.purpose());
            }
            (ModelKind::OpenAi, None, _) => {
                wrong(
                    reader,
                    &section,
                    "a model of kind `open-ai` needs its address",
                    "add `url = \"https://…/v1\"`",
                );
            }
            (ModelKind::Gguf, _, None) => {
                wrong(reader, &section, "a model of kind `gguf` needs its file", "add `file = \"….gguf\"`");
            }
            (ModelKind::Gguf, _, Some(_)) if model.purpose != ModelUse::Answers => {
                let what = "a model of kind `gguf` writes answers, and makes no vectors";
                wrong(
                    reader,
                    &format!("{section}.purpose"),
                    what,
                    "leave it out: the program carries a model that does",
                );
            }
            (ModelKind::Gguf, _, Some(_)) if model.tools => {
                let what = "a model of kind `gguf` is offered no tools";
                wrong(
                    reader,
                    &format!("{section}.tools"),
                    what,
                    "leave it out, or put the file behind llama.cpp's own server",
                );
            }
            _ => {}
        }
        if let Some(fallback) = &model.fallback
            && (!known.contains(&fallback.as_str()) || *fallback == model.name)
        {
            let what = format!("no other model is called `{fallback}`");
            let mend = match nearest(fallback, known.iter().copied().filter(|name| *name != model.name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it with [[model]], or leave `fallback` out".to_owned(),
            };
            wrong(reader, &format!("{section}.fallback"), what, mend);
        }
        own_name(reader, &section, model);
        who_runs(perimeter, reader, &section, model);
        tokens(reader, &section, model);
    }
}

/// What programs that speak OpenAI's interface ask when they don't choose a model; with `/` and its name, a collection.
const OWN_MODEL: &str = "intramuros";

/// Whether a model that writes has a name that stands for something else at `/v1`, where programs could not ask it, or not
/// the collection.
fn own_name(reader: &mut Reader<'_>, section: &str, model: &Model) {
    let Some(rest) = model.name.strip_prefix(OWN_MODEL) else { return };
    if model.purpose != ModelUse::Answers || !(rest.is_empty() || rest.starts_with('/')) {
        return;
    }
    let what = format!(
        "`{}` is the program's own name at `/v1`: for the first model, or for a collection",
        model.name
    );
    wrong(reader, &format!("{section}.name"), what, "give the model another name");
}

/// Whether a model and the way to it are said to be run by the same, under the same law.
fn who_runs(perimeter: &Perimeter, reader: &mut Reader<'_>, section: &str, model: &Model) {
    let way = perimeter.way_of(model);
    let said = [
        ("operator", &model.operator, way.map(|(number, rule)| (number, &rule.operator))),
        ("jurisdiction", &model.jurisdiction, way.map(|(number, rule)| (number, &rule.jurisdiction))),
    ];
    for (key, own, its) in said {
        let Some(own) = own.as_deref().map(str::trim) else { continue };
        let path = format!("{section}.{key}");
        if own.is_empty() {
            let what = format!("the model `{}` says nothing as its {key}", model.name);
            let mend = format!("write `{key} = \"…\"`, or leave it out: then that of its way out holds");
            wrong(reader, &path, what, mend);
            continue;
        }
        let Some((number, its)) = its.and_then(|(number, its)| Some((number, its.as_deref()?.trim()))) else {
            continue;
        };
        if !its.is_empty() && its != own {
            let line = at(reader, &[format!("egress[{number}].{key}")]).line;
            let what = format!(
                "the {key} of the model `{}` is `{own}`, and that of its way out `{its}` (line {line})",
                model.name
            );
            wrong(reader, &path, what, "write the same in both, or leave it out here");
        }
    }
}

/// Tokens of a written answer that can be declared at least: a sentence with its citation.
const LEAST_ANSWER_TOKENS: u32 = 32;

/// The same at most: no more of an answer is read than 64 KiB.
const MOST_ANSWER_TOKENS: u32 = 16_384;

/// Whether the limits of what a model writes leave room for a question, and for an answer.
fn tokens(reader: &mut Reader<'_>, section: &str, model: &Model) {
    let declared = [
        ("max_tokens", model.max_tokens.map(u64::from)),
        ("tokens_per_person_per_day", model.tokens_per_person_per_day),
    ];
    if model.purpose == ModelUse::Embedding {
        for (key, _) in declared.into_iter().filter(|(_, value)| value.is_some()) {
            let what = format!("`{key}` of a model that makes vectors, and writes no answer");
            wrong(reader, &format!("{section}.{key}"), what, "leave it out");
        }
        return;
    }
    let half = model.context_tokens.unwrap_or(DEFAULT_CONTEXT_TOKENS) / 2;
    let most = half.clamp(LEAST_ANSWER_TOKENS, MOST_ANSWER_TOKENS);
    if let Some(declared) = model.max_tokens.filter(|one| !(LEAST_ANSWER_TOKENS..=most).contains(one)) {
        let what = format!("`max_tokens = {declared}` is not from {LEAST_ANSWER_TOKENS} to {most}");
        let mend = "the other half of `context_tokens` is for the question and its passages; without `max_tokens` an \
                    answer has a page";
        wrong(reader, &format!("{section}.max_tokens"), what, mend);
    }
    if model.tokens_per_person_per_day == Some(0) {
        let what = "`tokens_per_person_per_day = 0` would let nobody have an answer written";
        let path = format!("{section}.tokens_per_person_per_day");
        wrong(reader, &path, what, "write a larger number, or leave it out for no limit");
    }
}

fn models_that(perimeter: &Perimeter, purpose: ModelUse) -> Vec<&str> {
    let wanted = perimeter.models.iter().filter(|model| model.purpose == purpose);
    wanted.map(|model| model.name.as_str()).collect()
}

fn collections(perimeter: &Perimeter, reader: &mut Reader<'_>) {
    if perimeter.collections.len() > MAX_COLLECTIONS {
        let what =
            format!("{} collections; at most {MAX_COLLECTIONS} are taken", perimeter.collections.len());
        wrong(reader, "collection", what, "join some: people choose from this list");
    }
    let sources: Vec<&str> = perimeter.sources.iter().map(|source| source.name.as_str()).collect();
    let writers = models_that(perimeter, ModelUse::Answers);
    for (number, collection) in perimeter.collections.iter().enumerate() {
        let section = format!("collection[{number}]");
        if collection.name.chars().count() > MAX_COLLECTION_NAME || collection.name.contains('/') {
            let what = format!("`{}` can't be the name of a collection", collection.name);
            let mend = format!("use at most {MAX_COLLECTION_NAME} letters, and no `/`");
            wrong(reader, &format!("{section}.name"), what, mend);
        }
        if collection.sources.is_empty() && collection.folders.is_empty() {
            let what = "the collection holds nothing";
            wrong(
                reader,
                &section,
                what,
                "add `sources = [\"…\"]`, or `folders = [{ source = \"…\", path = \"…/**\" }]`",
            );
        }
        for name in collection.named_sources() {
            if !sources.contains(&name) {
                let mend = match nearest(name, sources.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "declare it with [[source]]".to_owned(),
                };
                wrong(reader, &format!("{section}.sources"), format!("no source is called `{name}`"), mend);
            }
        }
        if let Some(model) = &collection.model
            && !writers.contains(&model.as_str())
        {
            let mend = match nearest(model, writers.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it with [[model]], or leave `model` out".to_owned(),
            };
            let what = format!("no model that writes answers is called `{model}`");
            wrong(reader, &format!("{section}.model"), what, mend);
        }
        for (key, names) in [("users", &collection.users), ("groups", &collection.groups)] {
            if let Some(why) = names.iter().find_map(|name| check_name(name).err()) {
                wrong(reader, &format!("{section}.{key}"), why, "write a name");
            }
        }
    }
}

/// Largest gain or loss by age or source: three standard deviations put a document before almost any other.
const MAX_WEIGHT: f64 = 3.0;

fn search(perimeter: &Perimeter, reader: &mut Reader<'_>) {
    let search = &perimeter.search;
    if !(0.0..=MAX_WEIGHT).contains(&search.recency) {
        wrong(
            reader,
            "search.recency",
            format!("{} is not from 0 to 3", search.recency),
            "0.5 is a good beginning",
        );
    }
    if search.recency_days == 0 {
        wrong(
            reader,
            "search.recency_days",
            "nothing is left after 0 days",
            "write 1 or more; 365 is the default",
        );
    }
    for (source, weight) in &search.source_weights {
        let path = format!("search.source_weights.{source}");
        if perimeter.source(source).is_none() {
            wrong(reader, &path, format!("no source is called `{source}`"), "write the name of a [[source]]");
        }
        if !(-MAX_WEIGHT..=MAX_WEIGHT).contains(weight) {
            wrong(reader, &path, format!("{weight} is not from -3 to 3"), "0.5 is a good beginning");
        }
    }
    let embedding: Vec<usize> = (perimeter.models.iter().enumerate())
        .filter(|(_, model)| model.purpose == ModelUse::Embedding)
        .map(|(number, _)| number)
        .collect();
    // The second one's vectors serve until the first one's are complete.
    if let [_, _, third, ..] = embedding.as_slice() {
        let what = "a third model makes vectors; texts are compared by one model's, and while it changes by the earlier one's";
        let mend = "keep the one that is to serve, and behind it the one that served before";
        wrong(reader, &format!("model[{third}].purpose"), what, mend);
    }
    for (number, model) in perimeter.models.iter().enumerate() {
        let prices = [("price_in", model.price_in), ("price_out", model.price_out)];
        for (key, price) in prices {
            if price.is_some_and(|price| !price.is_finite() || price < 0.0) {
                let path = format!("model[{number}].{key}");
                wrong(reader, &path, "a price is a number, not negative", "write what a million tokens cost");
            }
        }
    }
}

fn partners_and_journal(perimeter: &Perimeter, reader: &mut Reader<'_>) {
    for (number, partner) in perimeter.partners.iter().enumerate() {
        covered(perimeter, reader, &format!("partner[{number}].url"), &partner.url, Purpose::Partner);
    }
    if perimeter.journal.retain_days == 0 {
        wrong(reader, "journal.retain_days", "a journal kept for 0 days keeps nothing", "write 183 or more");
    }
    if let Some(syslog) = &perimeter.journal.syslog {
        match parse_host_port(syslog) {
            Err(why) => {
                wrong(reader, "journal.syslog", why, "write `host:port`; syslog over TLS has port 6514")
            }
            Ok((host, port)) => {
                if perimeter.egress_for(&host, port, Purpose::Journal).next().is_none() {
                    let tls = !host.is_loopback();
                    needs_rule(reader, "journal.syslog", &host, port, (Purpose::Journal, tls));
                }
            }
        }
    }
}

fn sign_in(perimeter: &Perimeter, reader: &mut Reader<'_>) {
    let hours =
        [("idle_hours", perimeter.accounts.idle_hours), ("session_hours", perimeter.accounts.session_hours)];
    for (name, _) in hours.into_iter().filter(|(_, hours)| *hours == 0) {
        let what = format!("with `{name} = 0` nobody would stay signed in");
        wrong(reader, &format!("accounts.{name}"), what, "write a number of hours");
    }
    for (number, provider) in perimeter.sign_in.iter().enumerate() {
        let section = format!("sign_in[{number}]");
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if !provider.name.chars().all(plain) || provider.name.len() > 40 {
            let what = format!("`{}` can't stand in an address", provider.name);
            wrong(reader, &format!("{section}.name"), what, "use small letters, digits and dashes");
        }
        covered(perimeter, reader, &format!("{section}.issuer"), &provider.issuer, Purpose::SignIn);
        if provider.client_id.is_empty() {
            wrong(
                reader,
                &format!("{section}.client_id"),
                "the name is empty",
                "write what the provider calls us",
            );
        }
        for (claim, _) in provider.only.iter().filter(|(_, values)| values.is_empty()) {
            let what = format!("without a value for `{claim}` nobody comes in");
            wrong(reader, &format!("{section}.only"), what, "write the values that are admitted");
        }
        if !provider.scopes.iter().any(|scope| scope == "openid") {
            let what = "without the scope `openid` nobody is signed in";
            wrong(reader, &format!("{section}.scopes"), what, "add \"openid\"");
        }
        if perimeter.server.public_url.is_none()
            && perimeter.server.listen.iter().any(|at| !at.ip().is_loopback())
        {
            let what = "the provider must send people back to an address, and none is declared";
            wrong(reader, &section, what, "declare `public_url` in [server]");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_writes_has_no_name_of_the_programs_own() {
        let mistakes = |name: &str| {
            let text = format!("[[model]]\nname='{name}'\nkind='gguf'\npurpose='answers'\nfile='m.gguf'\n");
            Perimeter::parse(&text, "f").err().unwrap_or_default()
        };
        for name in ["intramuros", "intramuros/Contrats", "intramuros/"] {
            let found = mistakes(name);
            let [one] = found.as_slice() else { panic!("{name}: {found:?}") };
            assert_eq!((one.line, one.mend.as_str()), (2, "give the model another name"), "{name}");
            assert!(one.what.contains(&format!("`{name}` is the program's own name")), "{}", one.what);
        }
        for name in ["intramuros-small", "Intramuros", "local/intramuros"] {
            assert!(mistakes(name).is_empty(), "{name}");
        }
        // Vectors are asked for under that name too.
        let text = "[[egress]]\nhost='127.0.0.1'\nport=81\npurpose='embedding'\ntls=false\n[[model]]\n\
            name='intramuros'\nkind='open-ai'\npurpose='embedding'\nurl='http://127.0.0.1:81/v1'\n";
        assert!(Perimeter::parse(text, "f").is_ok());
    }
}
