//! Do people, groups, sessions, tokens and codes stay what they were said to be, and nothing else?

use std::collections::BTreeSet;

use intramuros_accounts::session::Lifetimes;
use intramuros_accounts::{Role, Scope, Scopes};
use intramuros_store::people::{
    Code, CodeUse, GroupChange, NewPerson, NewSession, NewToken, Origin, PEOPLE_DATABASE, PEOPLE_VERSION,
    People, PersonChange, PersonId, Renamed, Taken,
};
use tempfile::TempDir;

fn scene() -> (TempDir, People) {
    let folder = tempfile::tempdir().unwrap();
    let people = People::open(folder.path()).unwrap();
    (folder, people)
}

fn new(name: &str, role: Role) -> NewPerson {
    NewPerson {
        name: name.to_owned(),
        shown: name.to_uppercase(),
        mail: None,
        role,
        passphrase: None,
        origin: Origin::Local,
        external: None,
    }
}

fn add(people: &People, name: &str, role: Role) -> PersonId {
    people.add_person(&new(name, role), 1).unwrap().unwrap()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn session(person: PersonId, secret: u8) -> NewSession {
    let (way, address) = ("passphrase".to_owned(), "192.0.2.1".to_owned());
    NewSession { hash: [secret; 32], person, way, address, browser: String::new(), sealed: None }
}

#[test]
fn a_name_is_given_once_whatever_the_size_of_its_letters() {
    let (_folder, people) = scene();
    let anne = add(&people, "Anne", Role::Owner);
    assert_eq!(people.add_person(&new("ANNE", Role::Reader), 2).unwrap(), Err(Taken::Name));
    let bruno = add(&people, "bruno", Role::Reader);
    let rename = |id: PersonId, name: &str| {
        people
            .change_person(id, &PersonChange { name: Some(name.to_owned()), ..PersonChange::default() })
            .unwrap()
    };
    assert_eq!(rename(bruno, "aNNe"), Err(Taken::Name));
    assert_eq!(rename(anne, "anne"), Ok(()));
    assert_eq!(people.person_named("ANNE").unwrap().unwrap().id, anne);
    let found: Vec<String> = people.people("N", 0, 10).unwrap().into_iter().map(|one| one.name).collect();
    assert_eq!(found, ["anne", "bruno"]);
    assert_eq!(people.people("%", 0, 10).unwrap(), []);
    // A number is never given again.
    people.remove_person(bruno).unwrap();
    assert!(add(&people, "bruno", Role::Reader) > bruno);
}

#[test]
fn there_is_always_an_owner() {
    let (_folder, people) = scene();
    let first = add(&people, "anne", Role::Owner);
    let refused = |change: PersonChange| people.change_person(first, &change).is_err();
    assert!(refused(PersonChange { role: Some(Role::Reader), ..PersonChange::default() }));
    assert!(refused(PersonChange { active: Some(false), ..PersonChange::default() }));
    assert!(people.remove_person(first).is_err());
    assert_eq!(people.owners().unwrap(), 1);
    add(&people, "bruno", Role::Owner);
    assert!(people.remove_person(first).unwrap());
    assert!(!people.remove_person(first).unwrap());
}

#[test]
fn what_was_taken_away_opens_no_door_from_that_moment() {
    let (_folder, people) = scene();
    add(&people, "owner-of-all", Role::Owner);
    let anne = add(&people, "anne", Role::Reader);
    let first = people.open_session(&session(anne, 1), 10).unwrap();
    people.open_session(&session(anne, 2), 11).unwrap();
    let token = NewToken {
        hash: [3; 32],
        hint: "abcd".into(),
        person: Some(anne),
        name: "scripts".into(),
        scopes: Scopes::of([Scope::Read]),
        groups: BTreeSet::new(),
        made_by: "anne".into(),
        maker: Some(anne),
        expires_ms: Some(100),
    };
    let id = people.add_token(&token, 12).unwrap().unwrap();
    let open = |secret: u8| people.session(&[secret; 32]).unwrap().is_some();
    assert!(open(1) && open(2) && !open(9));
    assert_eq!(people.token(&[3; 32]).unwrap().unwrap().1.unwrap().name, "anne");
    // Another's session or token is not there.
    assert!(!people.end_session(first, Some(PersonId(99))).unwrap());
    assert!(people.remove_token(id, Some(PersonId(99))).unwrap().is_none());
    assert!(people.end_session(first, Some(anne)).unwrap());
    assert!(!open(1) && open(2));
    people
        .change_person(anne, &PersonChange { active: Some(false), ..PersonChange::default() })
        .unwrap()
        .unwrap();
    assert!(!open(2) && people.token(&[3; 32]).unwrap().is_none());
    people
        .change_person(anne, &PersonChange { active: Some(true), ..PersonChange::default() })
        .unwrap()
        .unwrap();
    assert_eq!(people.remove_token(id, None).unwrap().unwrap().name, "scripts");
    assert!(people.token(&[3; 32]).unwrap().is_none());
    people.remove_person(anne).unwrap();
    assert!(people.sessions(None, 10).unwrap().is_empty());
}

fn service(name: &str, hash: u8, scope: Scope, maker: Option<PersonId>) -> NewToken {
    NewToken {
        hash: [hash; 32],
        hint: "abcd".into(),
        person: None,
        name: name.into(),
        scopes: Scopes::of([Scope::Read, scope]),
        groups: names(&["rh"]),
        made_by: "adam".into(),
        maker,
        expires_ms: None,
    }
}

#[test]
fn what_administers_ends_with_the_right_of_its_maker_and_the_rest_goes_on() {
    let (_folder, people) = scene();
    add(&people, "anne", Role::Owner);
    let adam = add(&people, "adam", Role::Administrator);
    let all = [
        service("console", 1, Scope::Administer, Some(adam)),
        service("directory", 2, Scope::Scim, Some(adam)),
        service("reader", 3, Scope::Write, Some(adam)),
        service("earlier", 4, Scope::Administer, None),
    ];
    for token in &all {
        people.add_token(token, 1).unwrap().unwrap();
    }
    let open = || -> Vec<bool> { (1..=4).map(|hash| people.token(&[hash; 32]).unwrap().is_some()).collect() };
    let change = |change: PersonChange| people.change_person(adam, &change).unwrap().unwrap();
    let role = |role: Role| change(PersonChange { role: Some(role), ..PersonChange::default() });
    let active = |active: bool| change(PersonChange { active: Some(active), ..PersonChange::default() });
    assert_eq!(open(), [true; 4]);
    role(Role::Editor);
    assert_eq!(open(), [false, false, true, true]);
    role(Role::Owner);
    assert_eq!(open(), [true; 4]);
    active(false);
    assert_eq!(open(), [false, false, true, true]);
    active(true);
    let roles = people.roles(&BTreeSet::from([adam, PersonId(99)])).unwrap();
    assert_eq!(roles.into_iter().collect::<Vec<_>>(), [(adam, Role::Owner)]);
    people.remove_person(adam).unwrap();
    assert_eq!(open(), [false, false, true, true]);
    let makers: Vec<Option<PersonId>> =
        people.tokens(None, 10).unwrap().into_iter().map(|token| token.maker).collect();
    assert_eq!(makers, [None, Some(adam), Some(adam), Some(adam)]);
}

#[test]
fn the_name_of_a_program_is_given_once() {
    let (_folder, people) = scene();
    let anne = add(&people, "anne", Role::Owner);
    let made = |name: &str, hash: u8| people.add_token(&service(name, hash, Scope::Write, None), 1).unwrap();
    let first = made("Équipe", 1).unwrap();
    assert_eq!(people.whose_token(first).unwrap(), Some(None));
    for like in ["Équipe", "e\u{301}quipe", "ÉQUIPE"] {
        assert_eq!(made(like, 2), Err(Taken::Name), "{like}");
    }
    // Also once it was revoked: what it brought is still there.
    people.remove_token(first, None).unwrap().unwrap();
    assert_eq!((made("Équipe", 2), people.whose_token(first).unwrap()), (Err(Taken::Name), None));
    made("equipe", 2).unwrap();
    // A personal token goes by its person's name.
    let own = NewToken { person: Some(anne), ..service("equipe", 3, Scope::Write, Some(anne)) };
    let own = people.add_token(&own, 1).unwrap().unwrap();
    assert_eq!(people.whose_token(own).unwrap(), Some(Some(anne)));
}

#[test]
fn names_that_look_the_same_are_one_name() {
    let (folder, people) = scene();
    add(&people, "anne", Role::Owner);
    let jose = add(&people, "jos\u{e9}", Role::Reader);
    for like in ["JOS\u{c9}", "jose\u{301}", "\u{ff4a}os\u{e9}"] {
        assert_eq!(people.add_person(&new(like, Role::Reader), 2).unwrap(), Err(Taken::Name), "{like}");
        assert_eq!(people.person_named(like).unwrap().unwrap().id, jose, "{like}");
    }
    // Who makes a group by hand is kept from one that looks like another's; a directory says what its groups are.
    let group = people.add_group("e\u{301}quipe", &Origin::Scim, None, 1).unwrap().unwrap();
    for like in ["\u{e9}quipe", "\u{c9}QUIPE"] {
        assert_eq!(people.add_group(like, &Origin::Local, None, 1).unwrap(), Err(Taken::Name), "{like}");
    }
    assert_eq!(people.add_group("\u{e9}quipe", &Origin::Scim, None, 1).unwrap(), Err(Taken::Name));
    people.add_group("\u{c9}QUIPE", &Origin::Scim, None, 1).unwrap().unwrap();
    // A group in whichever writing of its letters is that group, under the name that rules may use already.
    assert_eq!(people.group_named("\u{e9}quipe").unwrap().unwrap().id, group);
    people.set_provider_groups(jose, &Origin::Provider("p".into()), &names(&["\u{e9}quipe"]), 2).unwrap();
    assert_eq!(people.person(jose).unwrap().unwrap().groups, names(&["e\u{301}quipe"]));

    // What an older program kept, which compared names otherwise: nobody is lost, and nobody is taken for another.
    let zoe = add(&people, "zoe", Role::Reader);
    let twin = add(&people, "twin", Role::Reader);
    drop(people);
    let connection = rusqlite::Connection::open(folder.path().join(PEOPLE_DATABASE)).unwrap();
    for (id, name) in [(zoe, "zoe\u{308}"), (twin, "jose\u{301}")] {
        let sql = "UPDATE people SET name = ?1, folded = ?1 WHERE id = ?2";
        connection.execute(sql, rusqlite::params![name, id.0]).unwrap();
    }
    drop(connection);
    let people = People::open(folder.path()).unwrap();
    let named = |name: &str| people.person_named(name).unwrap().unwrap().id;
    assert_eq!((named("zo\u{eb}"), named("ZOE\u{308}")), (zoe, zoe));
    assert_eq!((named("jos\u{e9}"), named("jose\u{301}")), (jose, twin));
}

#[test]
fn a_code_is_used_once_and_ends_what_was_open() {
    let (_folder, people) = scene();
    let anne = add(&people, "anne", Role::Reader);
    people.open_session(&session(anne, 1), 1).unwrap();
    let code = |hash: u8| Code { hash: [hash; 32], person: anne, of: CodeUse::Invitation, expires_ms: 100 };
    people.add_code(&code(1), 1).unwrap();
    people.add_code(&code(2), 1).unwrap();
    let take = |hash: u8, now: i64| people.use_code(&[hash; 32], CodeUse::Invitation, "hash", now).unwrap();
    assert_eq!(take(1, 2), None, "a later code takes the place of an earlier one");
    assert_eq!(take(2, 100), None, "it has ended");
    assert_eq!(people.person_of_code(&[2; 32], CodeUse::Invitation, 99).unwrap().unwrap().id, anne);
    assert_eq!(take(2, 99), Some(anne));
    assert_eq!(take(2, 99), None);
    assert_eq!(people.person(anne).unwrap().unwrap().passphrase.as_deref(), Some("hash"));
    assert!(people.session(&[1; 32]).unwrap().is_none());
}

#[test]
fn a_provider_takes_back_only_what_it_gave() {
    let (_folder, people) = scene();
    let anne = add(&people, "anne", Role::Reader);
    let groups = || people.person(anne).unwrap().unwrap().groups;
    let group = people.add_group("rh", &Origin::Local, None, 1).unwrap().unwrap();
    assert_eq!(people.add_group("rh", &Origin::Scim, None, 1).unwrap(), Err(Taken::Name));
    people.change_members(group, &Origin::Local, &[anne, PersonId(77)], &[]).unwrap();
    let provider = Origin::Provider("keycloak".into());
    people.set_provider_groups(anne, &provider, &names(&["rh", "paie"]), 2).unwrap();
    assert_eq!(groups(), names(&["paie", "rh"]));
    people.set_provider_groups(anne, &provider, &names(&[]), 3).unwrap();
    assert_eq!(groups(), names(&["rh"]));
    people.change_members(group, &Origin::Scim, &[], &[anne]).unwrap();
    assert_eq!(groups(), names(&["rh"]), "a directory takes out only whom it put in");
    people.change_members(group, &Origin::Local, &[], &[anne]).unwrap();
    assert_eq!(groups(), names(&[]));
    assert_eq!(people.groups(0, 10).unwrap().len(), 2);
    people.add_identity(anne, "keycloak", "s-1").unwrap();
    assert_eq!(people.person_of_identity("keycloak", "s-1").unwrap().unwrap().id, anne);
    assert_eq!(people.person_of_identity("other", "s-1").unwrap(), None);
}

#[test]
fn old_sessions_are_forgotten_and_times_are_kept() {
    let (_folder, people) = scene();
    let anne = add(&people, "anne", Role::Reader);
    let id = people.open_session(&session(anne, 1), 1_000).unwrap();
    people.saw_session(id, 5_000).unwrap();
    let lifetimes = Lifetimes { idle_ms: 10_000, whole_ms: 100_000 };
    assert_eq!(people.forget_old(lifetimes, 14_999).unwrap(), 0);
    assert_eq!(people.sessions(Some(anne), 10).unwrap()[0].seen_ms, 5_000);
    assert_eq!(people.forget_old(lifetimes, 15_000).unwrap(), 1);
    for number in 0..60 {
        people.open_session(&session(anne, 100 + number), 20_000).unwrap();
    }
    assert_eq!(people.sessions(Some(anne), 100).unwrap().len(), 50);
}

/// What the first released program wrote. Later ones must read it as it is.
const FIRST_LAYOUT: &str = include_str!("people-1.sql");

#[test]
fn an_older_database_is_brought_up_to_date_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(PEOPLE_DATABASE);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(FIRST_LAYOUT).unwrap();
    drop(connection);
    let people = People::open(folder.path()).unwrap();
    let anne = people.person_named("anne").unwrap().unwrap();
    assert_eq!((anne.role, anne.groups), (Role::Owner, names(&["rh"])));
    let token = &people.tokens(Some(anne.id), 10).unwrap()[0];
    assert_eq!((token.name.as_str(), token.maker), ("scripts", None));
    let bruno = people.person_of_identity("sso", "subject-2").unwrap().unwrap();
    assert_eq!((bruno.name.as_str(), bruno.mail.as_deref(), bruno.active), ("bruno", Some("b@x.fr"), false));
    assert_eq!((bruno.role, bruno.groups), (Role::Reader, names(&["rh"])));
    let (session, of) = people.session(&[0; 32]).unwrap().unwrap();
    assert_eq!((session.seen_ms, session.address.as_str(), of.name.as_str()), (20, "192.0.2.1", "anne"));
    // What is new since then works on what was there before.
    assert!(people.used(30, 20).unwrap().is_empty());
    assert!(people.remove_person(bruno.id).unwrap());
    drop(people);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, PEOPLE_VERSION);
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let refused = People::open(folder.path()).unwrap_err();
    assert!(refused.to_string().contains("a newer Intramuros"), "{refused}");
}

#[test]
fn a_change_of_a_name_is_noted_with_it_until_it_was_followed() {
    let (_folder, people) = scene();
    let anne = add(&people, "anne", Role::Owner);
    let bruno = add(&people, "bruno", Role::Reader);
    let group = people.add_group("rh", &Origin::Local, None, 1).unwrap().unwrap();
    let rename = |id: PersonId, name: &str| {
        let change = PersonChange { name: Some(name.to_owned()), ..PersonChange::default() };
        people.change_person(id, &change).unwrap().is_ok()
    };
    assert!(rename(anne, "anna") && !rename(bruno, "ANNA") && rename(bruno, "bruno"));
    let change =
        GroupChange { name: Some("paie"), external: None, origin: &Origin::Local, add: &[], remove: &[] };
    people.change_group(group, &change).unwrap().unwrap();
    people.remove_person(bruno).unwrap();
    let all = people.renames().unwrap();
    let told: Vec<(&str, &Renamed)> = all.iter().map(|one| (one.before.as_str(), &one.of)).collect();
    let expected = [
        ("anne", &Renamed::Person(anne, Some("anna".to_owned()))),
        ("rh", &Renamed::Group("paie".to_owned())),
        ("bruno", &Renamed::Person(bruno, None)),
    ];
    assert_eq!(told, expected);
    people.followed(&all[0]).unwrap();
    assert_eq!(people.renames().unwrap(), all[1..]);
}
