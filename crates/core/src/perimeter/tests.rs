//! Does a perimeter say what was meant, and refuse what was not, at the right place?

use super::*;

const FULL: &str = r#"
sealed = true

[server]
listen = "127.0.0.1:8080"

[data]
folder = "data"

[limits]
time_seconds = 30

[search]
languages = ["fr"]

[[source]]
name = "documents"
path = "docs"
include = ["*.pdf", "*.docx"]
exclude = ["archive/"]

[[source]]
name = "wiki"
path = "/srv/wiki"
access = "file-system"

[[access]]
groups = ["staff"]

[[access]]
source = "documents"
path = "hr/**"
users = ["anne"]
groups = ["hr"]

[[access]]
path = "hr/public"
everyone = true

[[access]]
path = "secret"

[[user]]
name = "anne"
groups = ["staff"]

[[group]]
name = "hr"
members = ["anne", "bruno"]

[[egress]]
host = "api.mistral.ai"
port = 443
purpose = "answers"
operator = "Mistral AI"
jurisdiction = "FR"
data = "questions and the passages that answer them"
until = 2027-01-31

[[egress]]
host = "127.0.0.1"
port = 11434
purpose = "embedding"
tls = false

[[model]]
name = "mistral"
kind = "open-ai"
purpose = "answers"
url = "https://api.mistral.ai/v1"
model = "mistral-small-latest"
key_file = "mistral.key"

[[model]]
name = "ollama"
kind = "open-ai"
purpose = "embedding"
url = "http://127.0.0.1:11434/v1"
"#;

#[test]
fn a_full_file_is_read() {
    let mut perimeter = Perimeter::parse(FULL, "intramuros.toml").unwrap_or_else(|mistakes| {
        panic!("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    assert_eq!(perimeter.server.listen, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(perimeter.search.languages, [crate::language::Language::French]);
    assert_eq!(perimeter.limits.over(crate::document::Limits::default()).time.as_secs(), 30);
    assert_eq!(perimeter.egress[0].until, Day::parse("2027-01-31"));
    assert!(perimeter.egress[0].open_on(Day::parse("2027-01-31").unwrap()));
    assert!(!perimeter.egress[0].open_on(Day::parse("2027-02-01").unwrap()));
    assert!(perimeter.sources[0].takes("a/b.pdf"));
    assert!(!perimeter.sources[0].takes("archive/b.pdf"));
    assert!(!perimeter.sources[0].takes("b.txt"));
    perimeter.resolve_paths(Path::new("/etc/intramuros"));
    assert_eq!(perimeter.sources[0].path, Path::new("/etc/intramuros/docs"));
    assert_eq!(perimeter.sources[1].path, Path::new("/srv/wiki"));
    assert_eq!(perimeter.models[0].key_file.as_deref(), Some(Path::new("/etc/intramuros/mistral.key")));
}

#[test]
fn nothing_declared_means_this_machine_and_no_way_out() {
    let perimeter = Perimeter::parse("", "intramuros.toml").unwrap();
    assert!(perimeter.sealed && perimeter.egress.is_empty());
    assert!(perimeter.server.listen.iter().all(|address| address.ip().is_loopback()));
    assert_eq!(perimeter.server.listen[0].to_string(), DEFAULT_LISTEN);
    assert_eq!(perimeter.rule_for("any", "a/b"), AccessRule::owner_only());
    assert_eq!(Perimeter::of_folder("/srv/docs").sources[0].name, "docs");
}

#[test]
fn of_several_access_rules_the_last_holds() {
    let perimeter = Perimeter::parse(FULL, "intramuros.toml").unwrap();
    let check = |source: &str, path: &str, expected: AccessRule| {
        assert_eq!(perimeter.rule_for(source, path), expected, "{source} {path}");
    };
    let staff = AccessRule::readers([] as [&str; 0], ["staff"]);
    check("documents", "plan.pdf", staff.clone());
    check("documents", "hr/pay.pdf", AccessRule::readers(["anne"], ["hr"]));
    check("wiki", "hr/pay.pdf", staff);
    check("documents", "hr/public/menu.pdf", AccessRule::everyone());
    check("documents", "hr/public/secret/x.pdf", AccessRule::owner_only());
    assert_eq!(perimeter.declared_rule("wiki", "a").map(|(number, _)| number), Some(0));
    let anne = perimeter.principal("anne");
    assert_eq!(anne.groups, ["hr", "staff"].map(str::to_owned).into());
    assert!(perimeter.rule_for("documents", "hr/pay.pdf").allows(&perimeter.principal("bruno")));
    assert!(!perimeter.rule_for("documents", "plan.pdf").allows(&perimeter.principal("nobody")));
}

#[test]
fn every_value_says_where_it_comes_from() {
    let mut perimeter = Perimeter::parse(FULL, "intramuros.toml").unwrap();
    perimeter.add_folder("/tmp/more");
    perimeter.set_by_command("server.listen", "--listen");
    let origin = |path: &str| perimeter.origin(path).in_words("intramuros.toml");
    assert_eq!(origin("sealed"), "intramuros.toml:2");
    assert_eq!(origin("require_seal"), "default");
    assert_eq!(origin("server.listen"), "command line: --listen");
    assert_eq!(origin("egress[0].host"), "intramuros.toml:52");
    assert_eq!(origin("source[0].follow_links"), "default");
    assert_eq!(origin("source[2].path"), "command line: FOLDER");
    let effective = perimeter.effective();
    let port = effective.iter().find(|value| value.path == "egress[1].port").unwrap();
    assert_eq!((port.value.as_str(), perimeter.origin("egress[1].port")), ("11434", port.origin.clone()));
    assert!(
        effective.iter().any(|value| value.path == "journal.retain_days" && value.origin == Origin::Default)
    );
}

/// The mistakes of a text as `line:column what | mend`.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> = match Perimeter::parse(text, "f") {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes
            .iter()
            .map(|Mistake { line, column, what, mend, .. }| format!("{line}:{column} {what} | {mend}"))
            .collect(),
    };
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.starts_with(expected) || found.contains(expected),
            "found    {found}\nexpected {expected}"
        );
    }
}

#[test]
fn unknown_keys_are_refused_with_a_suggestion() {
    check("seeled = true", &["1:1 unknown section or key `seeled` | did you mean `sealed`?"]);
    check(
        "[server]\nlisten = \"127.0.0.1:1\"\nlissten = 3\n[sever]\n[[egres]]\n",
        &[
            "3:1 unknown key `lissten` in [server] | did you mean `listen`?",
            "4:2 unknown section or key `sever` | did you mean `server`?",
            "5:3 unknown section or key `egres` | did you mean `egress`?",
        ],
    );
    check("[data]\nbanana = 1", &["2:1 unknown key `banana` in [data] | the keys of [data] are `folder`"]);
}

#[test]
fn every_mistake_names_its_place_and_its_mend() {
    check("sealed = maybe", &["1:10"]);
    check("sealed = \"yes\"", &["1:10 string \"yes\" can't stand here | write true or false"]);
    check(
        "[[collection]]\nname = \"c\"\nfolders = [\"hr\"]",
        &[
            "3:12 string \"hr\" can't stand here | write a table, `{ key = … }`; `intramuros perimeter schema`",
        ],
    );
    check("[[server]]\n", &["`server` is an array | write it as a section: `[server]`"]);
    check("[source]\nname = \"a\"", &["can stand several times | write it as `[[source]]`"]);
    check("[[source]]\nname = \"a\"\n", &["the source `a` is a folder and has no path"]);
    check("[server]\nlisten = \"here\"", &["2:10"]);
    check("[server]\nlisten = []", &["2:1 no address to listen on"]);
    check(
        "[[source]]\nname=\"a\"\npath=\"a\"\naccess=\"filesystem\"",
        &["4:8 `filesystem` is not one of the choices | did you mean `file-system`?"],
    );
    check(
        "[[source]]\nname=\"a\"\npath=\"a\"\n[[source]]\nname=\"a\"\npath=\"b\"",
        &["5:1 the source `a` is declared twice (first in line 2)"],
    );
    check(
        "[[source]]\nname=\"docs\"\npath=\"a\"\n[[access]]\nsource=\"dosc\"",
        &["5:1 no source is called `dosc` | did you mean `docs`?"],
    );
    check("[[access]]\npath=\"a//b\"", &["2:6 two slashes follow each other"]);
    check("require_seal = true\nsealed = false", &["1:1 `require_seal = true` with `sealed = false`"]);
    check("[limits]\nfile_bytes = 0", &["2:1 `file_bytes = 0` would let no file be read"]);
    check("[limits]\nfile_bytes = -1", &["2:14"]);
    check("[dns]\nservers = [\"dns.example\"]", &["2:12 `dns.example` is not the address of a name server"]);
}

#[test]
fn ways_out_must_be_named_exactly() {
    let rule = |rest: &str| {
        format!("[[egress]]\noperator=\"O\"\njurisdiction=\"FR\"\ndata=\"d\"\npurpose=\"answers\"\n{rest}")
    };
    check(&rule("host=\"a.example\"\nport=443"), &[]);
    check(&rule("host=\"a.example.\"\nport=443"), &["6:6 the host ends with a dot"]);
    check(&rule("host=\"*.example\"\nport=443"), &["6:6 a host is one name"]);
    check(&rule("host=\"2130706433\"\nport=443"), &["6:6 this is a number in disguise"]);
    check(&rule("host=\"a.example\"\nport=0"), &["7:1 0 is not a port"]);
    check(&rule("host=\"a.example\"\nport=70000"), &["7:6"]);
    check(&rule("host=\"a.example\"\nport=443\ntls=false"), &["8:1 `tls = false`"]);
    check(&rule("host=\"a.example\"\nport=443\nuntil=\"soon\""), &["8:7"]);
    check(&rule("host=\"a.example\"\nport=443\nkey_file=\"k\""), &["a certificate needs its key"]);
    check(
        &rule("host=\"a.example\"\nport=443").replace("operator=\"O\"\n", ""),
        &["does not say its operator"],
    );
    check(
        "[[model]]\nname=\"m\"\nkind=\"open-ai\"\npurpose=\"answers\"\nurl=\"https://a.example/v1\"",
        &[
            "5:1 no egress rule opens a.example:443 for answers | add\n    [[egress]]\n    host = \"a.example\"\n",
        ],
    );
    check(
        &(rule("host=\"a.example\"\nport=443")
            + "\n[[model]]\nname=\"m\"\nkind=\"open-ai\"\npurpose=\"embedding\"\nurl=\"https://a.example/v1\""),
        &["no egress rule opens a.example:443 for embedding"],
    );
    let file = "[[model]]\nname=\"m\"\nkind=\"gguf\"\n";
    check(&format!("{file}purpose=\"answers\""), &["needs its file"]);
    check(&format!("{file}purpose=\"embedding\"\nfile=\"m.gguf\""), &["makes no vectors"]);
    check(&format!("{file}purpose=\"answers\"\nfile=\"m.gguf\"\ntools=true"), &["is offered no tools"]);
    check(&format!("{file}purpose=\"answers\"\nfile=\"m.gguf\""), &[]);
    check(
        "[journal]\nsyslog = \"logs.example:6514\"",
        &["2:1 no egress rule opens logs.example:6514 for journal"],
    );
    check(
        "[[partner]]\nname=\"p\"\nurl=\"https://u:p@p.example\"",
        &["3:1 the address holds a user or password"],
    );
}

#[test]
fn a_model_says_who_runs_it_or_its_way_out_does() {
    let way = "[[egress]]\nhost='a.example'\nport=443\npurpose='answers'\noperator='O'\njurisdiction='FR'\ndata='d'\n";
    let model = "[[model]]\nname='m'\nkind='open-ai'\npurpose='answers'\nurl='https://a.example/v1'\n";
    let with = |own: &str| format!("{way}{model}{own}");
    let said = |text: &str, expected: (Option<&str>, Option<&str>)| {
        let perimeter = Perimeter::parse(text, "f").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
        let model = &perimeter.models[0];
        assert_eq!((perimeter.operator_of(model), perimeter.jurisdiction_of(model)), expected, "{text}");
    };
    said(&with(""), (Some("O"), Some("FR")));
    said(&with("operator='O'\njurisdiction='FR'"), (Some("O"), Some("FR")));
    let gguf = "[[model]]\nname='m'\nkind='gguf'\npurpose='answers'\nfile='m.gguf'\n";
    said(gguf, (None, None));
    said(&format!("{gguf}operator='O'"), (Some("O"), None));
    // Behind a service on this machine somebody else may run the model.
    let here = with("operator='P'")
        .replace("a.example", "127.0.0.1")
        .replace("operator='O'\njurisdiction='FR'\n", "");
    said(&here, (Some("P"), None));

    check(
        &with("operator='P'"),
        &["13:1 the operator of the model `m` is `P`, and that of its way out `O` (line 5) | write the same"],
    );
    check(&with("jurisdiction='US'"), &["13:1 the jurisdiction of the model `m` is `US`, and that"]);
    check(&with("operator=' '"), &["13:1 the model `m` says nothing as its operator"]);
    check(&with("operator=7"), &["13:10 integer `7` can't stand here | write text in quotes"]);
}

#[test]
fn how_much_a_model_writes_stays_within_bounds() {
    let model = "[[model]]\nname='m'\nkind='gguf'\npurpose='answers'\nfile='m.gguf'\n";
    let with = |own: &str| format!("{model}{own}");
    check(&with("max_tokens=32\ntokens_per_person_per_day=1"), &[]);
    check(&with("max_tokens=2048"), &[]);
    check(&with("context_tokens=65536\nmax_tokens=16384"), &[]);
    check(&with("max_tokens=31"), &["6:1 `max_tokens = 31` is not from 32 to 2048"]);
    check(&with("max_tokens=2049"), &["6:1 `max_tokens = 2049` is not from 32 to 2048"]);
    check(&with("context_tokens=1000\nmax_tokens=501"), &["7:1 `max_tokens = 501` is not from 32 to 500"]);
    check(
        &with("context_tokens=65536\nmax_tokens=16385"),
        &["7:1 `max_tokens = 16385` is not from 32 to 16384"],
    );
    check(&with("max_tokens=-1"), &["6:12 integer `-1` can't stand here | write a whole number"]);
    check(
        &with("tokens_per_person_per_day=0"),
        &["6:1 `tokens_per_person_per_day = 0` would let nobody have an answer written"],
    );
    check(&with("tokens_per_person_per_day='10k'"), &["6:27 string \"10k\" can't stand here"]);
    check(&with("max_token=100"), &["6:1 unknown key `max_token` in [[model]] | did you mean `max_tokens`?"]);
    let vectors = "[[egress]]\nhost='127.0.0.1'\nport=81\npurpose='embedding'\ntls=false\n\
        [[model]]\nname='v'\nkind='open-ai'\npurpose='embedding'\nurl='http://127.0.0.1:81/v1'\n";
    check(
        &format!("{vectors}max_tokens=100\ntokens_per_person_per_day=9"),
        &["11:1 `max_tokens` of a model that makes vectors", "12:1 `tokens_per_person_per_day` of a model"],
    );
    // One that is to serve, and one that served before.
    let embedder = |name: &str| {
        format!(
            "[[model]]\nname='{name}'\nkind='open-ai'\npurpose='embedding'\nurl='http://127.0.0.1:81/v1'\n"
        )
    };
    check(&format!("{vectors}{}", embedder("w")), &[]);
    check(&format!("{vectors}{}{}", embedder("w"), embedder("x")), &["a third model makes vectors"]);
    let perimeter = Perimeter::parse(&with("max_tokens=100"), "f").unwrap();
    let shown = perimeter.effective().into_iter().find(|one| one.path == "model[0].max_tokens").unwrap();
    assert_eq!((shown.value.as_str(), shown.origin.in_words("f").as_str()), ("100", "f:6"));
}

#[test]
fn any_text_is_read_or_refused_without_a_panic() {
    let pieces = [
        "[[", "]]", "egress", "=", "\"", "\n", "é", "{", "}", "source", "1", ".", "path", "'''", "-", "\u{0}",
    ];
    let mut seed = 7_u64;
    for _ in 0..3_000 {
        let mut text = String::new();
        for _ in 0..12 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
        }
        if let Err(mistakes) = Perimeter::parse(&text, "f") {
            assert!(!mistakes.is_empty(), "{text:?}");
        }
    }
    assert_eq!(Perimeter::parse(&" ".repeat(MAX_FILE_BYTES + 1), "f").unwrap_err().len(), 1);
}

#[test]
fn the_word_of_a_purpose_is_the_word_in_the_file() {
    for purpose in Purpose::ALL {
        assert_eq!(toml::Value::try_from(purpose).unwrap().as_str(), Some(purpose.word()));
    }
}

#[test]
fn people_sign_in_as_soon_as_others_may_stand_at_the_door() {
    let check = |text: &str, expected: bool| {
        let perimeter = Perimeter::parse(text, "f").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
        assert_eq!(perimeter.needs_accounts(&perimeter.server.listen), expected, "{text}");
    };
    check("", false);
    check("[server]\nlisten = ['127.0.0.1:80', '[::1]:80']", false);
    check("[server]\npublic_url = 'http://localhost:8080'", false);
    check("[server]\nlisten = ['127.0.0.1:80', '10.0.0.1:80']", true);
    check("[server]\nlisten = '0.0.0.0:80'", true);
    check("[server]\npublic_url = 'https://search.example.org'", true);
    check("[server]\ntrusted_proxies = ['127.0.0.1']", true);
    check("[accounts]\nrequired = true", true);
}

#[test]
fn a_provider_needs_its_way_out_and_a_plain_name() {
    let way = "[[egress]]\nhost='sso.example.org'\nport=443\npurpose='sign-in'\noperator='o'\njurisdiction='FR'\ndata='names'\n";
    let provider = "[[sign_in]]\nname='keycloak'\nissuer='https://sso.example.org/realms/main'\nclient_id='intramuros'\n";
    let check = |text: &str, expected: &str| match Perimeter::parse(text, "f") {
        Ok(_) => assert_eq!(expected, "", "{text}"),
        Err(mistakes) => {
            let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            assert!(!expected.is_empty() && all.iter().any(|one| one.contains(expected)), "{text}: {all:?}");
        }
    };
    check(&format!("{way}{provider}"), "");
    check(provider, "no egress rule opens sso.example.org:443 for sign-in");
    check(&format!("{way}{}", provider.replace("keycloak", "Key Cloak")), "can't stand in an address");
    check(&format!("{way}{provider}scopes=['email']\n"), "openid");
    check(&format!("{way}{provider}[server]\nlisten='0.0.0.0:80'\n"), "public_url");
    check("[accounts]\nidle_hours = 0", "idle_hours");
}

#[test]
fn a_source_outside_needs_its_address_and_its_way_out() {
    let way = "[[egress]]\nhost='cloud.example'\nport=443\npurpose='source'\noperator='o'\njurisdiction='FR'\ndata='d'\n";
    let source = "[[source]]\nname='s'\nkind='webdav'\nurl='https://cloud.example/dav'\n";
    let all = format!("{way}{source}access='source'\nuser='u'\nsecret_file='s'\ninterval_minutes=5");
    let mut perimeter = Perimeter::parse(&all, "f").unwrap();
    perimeter.resolve_paths(Path::new("/etc/x"));
    assert_eq!(perimeter.sources[0].secret_file.as_deref(), Some(Path::new("/etc/x/s")));
    assert_eq!(perimeter.sources[0].path, Path::new(""));
    check(
        source,
        &[
            "4:1 no egress rule opens cloud.example:443 for source | add\n    [[egress]]\n    host = \"cloud.example\"\n    port = 443\n    purpose = \"source\"\n    operator",
        ],
    );
    check(
        &format!("{way}[[source]]\nname='s'\nkind='webdav'\n"),
        &["a source of kind `webdav` needs its address"],
    );
    check(&format!("{way}{source}access='file-system'"), &["only a folder has the permissions"]);
    check(&format!("{way}{source}interval_minutes=0"), &["`interval_minutes = 0`"]);
    check(&format!("{way}{source}secret_file='a'\nsecret_variable='B'"), &["in two places"]);
    check(
        &format!("{way}{}", source.replace("https", "http")),
        &["must be encrypted", "no egress rule opens cloud.example:80"],
    );
    check(
        "[[source]]\nname='s'\nkind='imap'\nurl='imaps://mail.example'",
        &["no egress rule opens mail.example:993 for source"],
    );
    check("[[source]]\nname='s'", &["has no path"]);
    check("[[source]]\nname='s'\npath='x'\naccess='source'", &["a folder says nothing"]);
}
