//! What does a directory ask for (SCIM 2.0, RFC 7643 and 7644)?
//!
//! What is kept of a person is few: attributes of others are read over, as most directories send many. A filter or a
//! path that can't be understood is refused, since half an answer would be a wrong one.

use serde_json::{Map, Value};

/// The schemas that are spoken.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// A group.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// A list.
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// A change.
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// A refusal.
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Most operations of one change.
pub const MOST_OPERATIONS: usize = 1_000;

/// Why something is refused, by the standard's word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// `invalidFilter`, `invalidPath`, `invalidValue`, `invalidSyntax`, `noTarget`, `mutability`.
    pub word: &'static str,
    /// For people.
    pub detail: String,
}

fn refuse(word: &'static str, detail: impl Into<String>) -> Refusal {
    Refusal { word, detail: detail.into() }
}

/// What a list is narrowed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// By number.
    Id(String),
    /// By the name that people sign in with.
    Name(String),
    /// By the name that is shown; of a group, its only one.
    Shown(String),
    /// By mail address.
    Mail(String),
    /// By what the directory calls them.
    External(String),
}

impl Filter {
    /// Reads `attribute eq "value"`.
    ///
    /// # Errors
    /// When it is another kind of filter.
    pub fn parse(text: &str) -> Result<Filter, Refusal> {
        let wrong = || {
            let known = "`userName`, `displayName`, `emails.value`, `externalId` or `id`";
            refuse("invalidFilter", format!("filters are {known} with `eq`"))
        };
        let (attribute, rest) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let (operator, value) = rest.trim().split_once(' ').ok_or_else(wrong)?;
        if !operator.eq_ignore_ascii_case("eq") {
            return Err(wrong());
        }
        let value: String = serde_json::from_str(value.trim()).map_err(|_| wrong())?;
        match plain(attribute).as_str() {
            "username" => Ok(Filter::Name(value)),
            "displayname" => Ok(Filter::Shown(value)),
            "emails" | "emails.value" => Ok(Filter::Mail(value)),
            "externalid" => Ok(Filter::External(value)),
            "id" => Ok(Filter::Id(value)),
            _ => Err(wrong()),
        }
    }
}

/// An attribute's name as it is compared: without its schema, whatever the size of its letters.
fn plain(attribute: &str) -> String {
    let bare = attribute.strip_prefix(USER).or(attribute.strip_prefix(GROUP)).unwrap_or(attribute);
    bare.trim_start_matches(':').to_ascii_lowercase()
}

/// What a directory says of a person; what is none is not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name that they sign in with.
    pub name: Option<String>,
    /// The name to show; none within takes it away.
    pub shown: Option<Option<String>>,
    /// The mail address; none within takes it away.
    pub mail: Option<Option<String>>,
    /// Whether they may sign in.
    pub active: Option<bool>,
    /// What the directory calls them; none within takes it away.
    pub external: Option<Option<String>>,
}

impl User {
    /// Reads a whole person.
    ///
    /// # Errors
    /// When a value is of the wrong kind, or the name is missing.
    pub fn parse(whole: &Value) -> Result<User, Refusal> {
        let fields = whole.as_object().ok_or_else(|| refuse("invalidSyntax", "a person is an object"))?;
        let mut user = User::default();
        for (attribute, value) in fields {
            user.set(&plain(attribute), value)?;
        }
        if user.name.is_none() {
            return Err(refuse("invalidValue", "`userName` is missing"));
        }
        Ok(user)
    }

    /// Reads a change.
    ///
    /// # Errors
    /// When it can't be understood.
    pub fn patch(body: &Value) -> Result<User, Refusal> {
        let mut user = User::default();
        for operation in operations(body)? {
            let Operation { kind, path, value } = operation;
            match (kind, path) {
                (Kind::Remove, None) => return Err(refuse("noTarget", "what is removed must be named")),
                (Kind::Remove, Some(path)) => user.set(&plain(&path), &Value::Null)?,
                (_, Some(path)) => user.set(&plain(&path), value.unwrap_or(&Value::Null))?,
                (_, None) => {
                    let fields = value.and_then(Value::as_object);
                    let fields = fields
                        .ok_or_else(|| refuse("invalidValue", "a value without a path is an object"))?;
                    for (attribute, value) in fields {
                        user.set(&plain(attribute), value)?;
                    }
                }
            }
        }
        Ok(user)
    }

    /// Takes one attribute; those that are not kept are read over.
    fn set(&mut self, attribute: &str, value: &Value) -> Result<(), Refusal> {
        let text = || match value {
            Value::String(text) => Ok(Some(text.clone()).filter(|text| !text.trim().is_empty())),
            Value::Null => Ok(None),
            _ => Err(refuse("invalidValue", format!("`{attribute}` is a text"))),
        };
        match attribute {
            "username" => {
                self.name = Some(text()?.ok_or_else(|| refuse("invalidValue", "`userName` can't be empty"))?);
            }
            "displayname" => self.shown = Some(text()?),
            // Where there is no name to show, what the name is made of gives one.
            "name.formatted" if !value.is_null() => self.shown = self.shown.take().or(Some(text()?)),
            "name" if !value.is_null() => {
                let formatted = value.get("formatted").and_then(Value::as_str);
                let parts = ["givenName", "familyName"].map(|part| value.get(part).and_then(Value::as_str));
                let joined = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
                let name =
                    formatted.map(str::to_owned).or(Some(joined)).filter(|name| !name.trim().is_empty());
                self.shown = self.shown.take().or(name.map(Some));
            }
            "emails" => self.mail = Some(mail(value)?),
            path if path.starts_with("emails[") && path.ends_with("].value") => self.mail = Some(text()?),
            "active" => self.active = Some(truth(value)?),
            "externalid" => self.external = Some(text()?),
            _ => {}
        }
        Ok(())
    }
}

/// The first mail address of a list, the primary one before others.
fn mail(value: &Value) -> Result<Option<String>, Refusal> {
    let list = match value {
        Value::Null => return Ok(None),
        Value::Array(list) => list.as_slice(),
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => return Err(refuse("invalidValue", "`emails` is a list")),
    };
    let primary = list.iter().find(|one| one.get("primary").is_some_and(|primary| primary == true));
    let one = primary.or(list.first());
    Ok(one.and_then(|one| one.get("value")).and_then(Value::as_str).map(str::to_owned))
}

/// True or false, also as the words that one large directory sends.
fn truth(value: &Value) -> Result<bool, Refusal> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::String(word) if word.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(word) if word.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(refuse("invalidValue", "`active` is true or false")),
    }
}

/// What a directory says of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The name.
    pub name: Option<String>,
    /// What the directory calls it; none within takes it away.
    pub external: Option<Option<String>>,
    /// Who is in it, and nobody else; none where it is not said.
    pub members: Option<Vec<String>>,
    /// Who comes in.
    pub add: Vec<String>,
    /// Who goes out.
    pub remove: Vec<String>,
}

impl Group {
    /// Reads a whole group.
    ///
    /// # Errors
    /// When a value is of the wrong kind, or the name is missing.
    pub fn parse(whole: &Value) -> Result<Group, Refusal> {
        let fields = whole.as_object().ok_or_else(|| refuse("invalidSyntax", "a group is an object"))?;
        let mut group = Group::default();
        for (attribute, value) in fields {
            group.set(&plain(attribute), value)?;
        }
        if group.name.is_none() {
            return Err(refuse("invalidValue", "`displayName` is missing"));
        }
        Ok(group)
    }

    /// Reads a change.
    ///
    /// # Errors
    /// When it can't be understood.
    pub fn patch(body: &Value) -> Result<Group, Refusal> {
        let mut group = Group::default();
        for Operation { kind, path, value } in operations(body)? {
            let path = path.as_deref().map(plain);
            let given = value.unwrap_or(&Value::Null);
            match (kind, path.as_deref()) {
                (Kind::Add, Some("members")) => group.come(members(given)?),
                (Kind::Remove, Some("members")) if given.is_null() => group.only(Vec::new()),
                (Kind::Remove, Some("members")) => group.go(members(given)?),
                (Kind::Remove, Some(path)) if path.starts_with("members[") => group.go(vec![selected(path)?]),
                (Kind::Remove, None) => return Err(refuse("noTarget", "what is removed must be named")),
                (Kind::Remove, Some(path)) => group.set(path, &Value::Null)?,
                (_, Some(path)) => group.set(path, given)?,
                (kind, None) => {
                    let fields: &Map<String, Value> = given
                        .as_object()
                        .ok_or_else(|| refuse("invalidValue", "a value without a path is an object"))?;
                    for (attribute, value) in fields {
                        match plain(attribute).as_str() {
                            "members" if kind == Kind::Add => group.come(members(value)?),
                            attribute => group.set(attribute, value)?,
                        }
                    }
                }
            }
        }
        Ok(group)
    }

    fn set(&mut self, attribute: &str, value: &Value) -> Result<(), Refusal> {
        match (attribute, value) {
            ("displayname", Value::String(name)) if !name.trim().is_empty() => self.name = Some(name.clone()),
            ("displayname", _) => {
                return Err(refuse("invalidValue", "`displayName` is a text and not empty"));
            }
            ("externalid", Value::String(external)) => self.external = Some(Some(external.clone())),
            ("externalid", Value::Null) => self.external = Some(None),
            ("externalid", _) => return Err(refuse("invalidValue", "`externalId` is a text")),
            ("members", Value::Null) => self.only(Vec::new()),
            ("members", value) => self.only(members(value)?),
            _ => {}
        }
        Ok(())
    }

    // Operations hold in their order: what a later one says goes before what an earlier one did.

    fn come(&mut self, members: Vec<String>) {
        self.remove.retain(|member| !members.contains(member));
        self.add.extend(members);
    }

    fn go(&mut self, members: Vec<String>) {
        let kept = |member: &String| !members.contains(member);
        self.add.retain(kept);
        self.members.iter_mut().for_each(|whole| whole.retain(kept));
        self.remove.extend(members);
    }

    fn only(&mut self, members: Vec<String>) {
        self.add.clear();
        self.remove.clear();
        self.members = Some(members);
    }
}

/// The numbers of members: `[{"value": "2"}]`.
fn members(value: &Value) -> Result<Vec<String>, Refusal> {
    let wrong = || refuse("invalidValue", "`members` is a list of objects with a `value`");
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => return Err(wrong()),
    };
    list.iter()
        .map(|one| one.get("value").and_then(Value::as_str).map(str::to_owned).ok_or_else(wrong))
        .collect()
}

/// The number in `members[value eq "2"]`.
fn selected(path: &str) -> Result<String, Refusal> {
    let wrong = || refuse("invalidPath", "members are named as `members[value eq \"…\"]`");
    let inner = path.strip_prefix("members[").and_then(|rest| rest.strip_suffix(']')).ok_or_else(wrong)?;
    let value = inner.trim().strip_prefix("value eq ").ok_or_else(wrong)?;
    serde_json::from_str(value.trim()).map_err(|_| wrong())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Add,
    Replace,
    Remove,
}

struct Operation<'a> {
    kind: Kind,
    path: Option<String>,
    value: Option<&'a Value>,
}

fn operations(body: &Value) -> Result<Vec<Operation<'_>>, Refusal> {
    let list = body.get("Operations").or(body.get("operations")).and_then(Value::as_array);
    let list = list.filter(|list| list.len() <= MOST_OPERATIONS);
    let list =
        list.ok_or_else(|| refuse("invalidSyntax", "`Operations` is a list, of a thousand at most"))?;
    let one = |operation: &'_ Value| -> Result<Kind, Refusal> {
        match operation.get("op").and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
            Some("add") => Ok(Kind::Add),
            Some("replace") => Ok(Kind::Replace),
            Some("remove") => Ok(Kind::Remove),
            _ => Err(refuse("invalidSyntax", "`op` is `add`, `replace` or `remove`")),
        }
    };
    list.iter()
        .map(|operation| {
            let path = match operation.get("path") {
                None | Some(Value::Null) => None,
                Some(Value::String(path)) => Some(path.clone()),
                Some(_) => return Err(refuse("invalidPath", "`path` is a text")),
            };
            Ok(Operation { kind: one(operation)?, path, value: operation.get("value") })
        })
        .collect()
}

/// Which attributes of what is answered are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// These alone; all where there are none.
    only: Vec<String>,
    /// All but these.
    without: Vec<String>,
}

/// What is answered whatever is wanted.
const ALWAYS: [&str; 2] = ["schemas", "id"];

impl Wanted {
    /// From names that are separated by commas: `userName,emails.value`.
    pub fn parse(attributes: Option<&str>, excluded: Option<&str>) -> Wanted {
        let names = |text: Option<&str>| text.unwrap_or_default().split(',').map(str::to_owned).collect();
        Wanted::of(names(attributes), names(excluded))
    }

    /// From the body of a search.
    ///
    /// # Errors
    /// When they are no lists of names.
    pub fn of_search(body: &Value) -> Result<Wanted, Refusal> {
        let names = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(names)) if names.iter().all(Value::is_string) => {
                Ok(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            Some(_) => Err(refuse("invalidValue", format!("`{name}` is a list of names"))),
        };
        Ok(Wanted::of(names("attributes")?, names("excludedAttributes")?))
    }

    fn of(only: Vec<String>, without: Vec<String>) -> Wanted {
        let plain = |names: Vec<String>| {
            names.iter().map(|name| plain(name.trim())).filter(|name| !name.is_empty()).collect()
        };
        Wanted { only: plain(only), without: plain(without) }
    }

    /// Leaves of a person or a group what is wanted.
    pub fn narrow(&self, mut whole: Value) -> Value {
        let Some(fields) = whole.as_object_mut() else { return whole };
        fields.retain(|name, value| {
            if ALWAYS.contains(&name.as_str()) {
                return true;
            }
            let name = name.to_ascii_lowercase();
            let below = |names: &[String]| -> Vec<String> {
                let inner = |one: &String| one.strip_prefix(&name)?.strip_prefix('.').map(str::to_owned);
                names.iter().filter_map(inner).collect()
            };
            let (inner, cut) = (below(&self.only), below(&self.without));
            let whole = self.only.is_empty() || self.only.contains(&name);
            each_object(value, &|fields| {
                fields.retain(|key, _| {
                    let key = key.to_ascii_lowercase();
                    (whole || inner.contains(&key)) && !cut.contains(&key)
                });
            });
            (whole || !inner.is_empty()) && !self.without.contains(&name)
        });
        whole
    }
}

/// Calls `each` for an object, or for each object of a list.
fn each_object(value: &mut Value, each: &dyn Fn(&mut Map<String, Value>)) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|one| each_object(one, each)),
        Value::Object(fields) => each(fields),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_name_one() {
        let check =
            |text: &str, expected: Option<Filter>| assert_eq!(Filter::parse(text).ok(), expected, "{text}");
        check("userName eq \"anne\"", Some(Filter::Name("anne".into())));
        check(
            "urn:ietf:params:scim:schemas:core:2.0:User:userName Eq \"a\\\"b\"",
            Some(Filter::Name("a\"b".into())),
        );
        check("displayName eq \"Anne\"", Some(Filter::Shown("Anne".into())));
        check("emails.value eq \"a@b.fr\"", Some(Filter::Mail("a@b.fr".into())));
        check("externalId eq \"x y\"", Some(Filter::External("x y".into())));
        check("id eq \"3\"", Some(Filter::Id("3".into())));
        for odd in [
            "",
            "userName",
            "userName co \"a\"",
            "userName eq a",
            "title eq \"a\"",
            "userName eq \"a\" or id eq \"1\"",
        ] {
            check(odd, None);
        }
    }

    #[test]
    fn changes_of_people_are_read_as_directories_send_them() {
        let check = |operations: Value, expected: User| {
            let body = json!({"schemas": [PATCH], "Operations": operations});
            assert_eq!(User::patch(&body), Ok(expected), "{body}");
        };
        let inactive = User { active: Some(false), ..User::default() };
        check(json!([{"op": "replace", "path": "active", "value": false}]), inactive.clone());
        check(json!([{"op": "Replace", "path": "active", "value": "False"}]), inactive.clone());
        check(json!([{"op": "replace", "value": {"active": false}}]), inactive);
        let renamed =
            User { shown: Some(Some("Anne".into())), mail: Some(Some("a@b.fr".into())), ..User::default() };
        check(
            json!([{"op": "add", "path": "displayName", "value": "Anne"},
                   {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "a@b.fr"},
                   {"op": "add", "path": "title", "value": "x"}]),
            renamed,
        );
        check(json!([{"op": "remove", "path": "emails"}]), User { mail: Some(None), ..User::default() });
        for odd in [
            json!({}),
            json!({"Operations": 1}),
            json!({"Operations": [{"op": "jump"}]}),
            json!({"Operations": [{"op": "remove"}]}),
            json!({"Operations": [{"op": "replace", "path": "active", "value": 3}]}),
            json!({"Operations": [{"op": "replace", "path": 3, "value": 3}]}),
            json!({"Operations": [{"op": "replace", "path": "userName", "value": ""}]}),
        ] {
            assert!(User::patch(&odd).is_err(), "{odd}");
        }
        let whole = json!({"userName": "a", "name": {"givenName": "Anne", "familyName": "D"}, "emails": [{"value": "x@y"}, {"value": "a@b", "primary": true}]});
        let user = User::parse(&whole).unwrap();
        assert_eq!((user.shown.flatten().as_deref(), user.mail), (Some("Anne D"), Some(Some("a@b".into()))));
        assert!(User::parse(&json!({"displayName": "a"})).is_err());
    }

    #[test]
    fn members_come_and_go_one_by_one_or_all_together() {
        let check = |operations: Value, add: &[&str], remove: &[&str], members: Option<&[&str]>| {
            let group = Group::patch(&json!({"Operations": operations})).unwrap();
            let own = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
            assert_eq!((group.add, group.remove, group.members), (own(add), own(remove), members.map(own)));
        };
        check(
            json!([{"op": "add", "path": "members", "value": [{"value": "2"}, {"value": "3"}]}]),
            &["2", "3"],
            &[],
            None,
        );
        check(json!([{"op": "remove", "path": "members[value eq \"2\"]"}]), &[], &["2"], None);
        check(json!([{"op": "Remove", "path": "members", "value": [{"value": "2"}]}]), &[], &["2"], None);
        check(json!([{"op": "remove", "path": "members"}]), &[], &[], Some(&[]));
        check(
            json!([{"op": "replace", "path": "members", "value": [{"value": "4"}]}]),
            &[],
            &[],
            Some(&["4"]),
        );
        check(json!([{"op": "add", "value": {"members": [{"value": "5"}]}}]), &["5"], &[], None);
        assert!(
            Group::patch(&json!({"Operations": [{"op": "add", "path": "members", "value": ["2"]}]})).is_err()
        );
        assert!(
            Group::patch(&json!({"Operations": [{"op": "remove", "path": "members[display eq \"x\"]"}]}))
                .is_err()
        );
    }

    #[test]
    fn operations_hold_in_their_order() {
        let check = |operations: Value, members: Option<&[&str]>, add: &[&str], remove: &[&str]| {
            let group = Group::patch(&json!({"Operations": operations})).unwrap();
            let found = group.members.as_ref().map(|all| all.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(
                (found.as_deref(), group.add, group.remove),
                (members, owned(add), owned(remove)),
                "{operations}"
            );
        };
        let one = |op: &str, id: &str| json!({"op": op, "path": "members", "value": [{"value": id}]});
        let filtered = |id: &str| json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")});
        check(json!([one("add", "1"), filtered("1")]), None, &[], &["1"]);
        check(json!([filtered("1"), one("add", "1")]), None, &["1"], &[]);
        check(json!([one("replace", "1"), filtered("1"), one("add", "2")]), Some(&[]), &["2"], &["1"]);
        check(json!([one("add", "1"), {"op": "remove", "path": "members"}]), Some(&[]), &[], &[]);
    }

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn only_what_is_wanted_is_answered() {
        let whole = json!({"schemas": [USER], "id": "2", "userName": "anne", "displayName": "Anne", "meta": {"location": "x"},
            "emails": [{"value": "a@b.fr", "type": "work"}]});
        let check = |attributes: &str, excluded: &str, expected: Value| {
            let found = Wanted::parse(Some(attributes), Some(excluded)).narrow(whole.clone());
            let mut expected = expected;
            expected["schemas"] = json!([USER]);
            expected["id"] = json!("2");
            assert_eq!(found, expected, "{attributes} without {excluded}");
        };
        check("", "", whole.clone());
        check("userName", "", json!({"userName": "anne"}));
        check("username, emails.value", "", json!({"userName": "anne", "emails": [{"value": "a@b.fr"}]}));
        check("urn:ietf:params:scim:schemas:core:2.0:User:userName", "", json!({"userName": "anne"}));
        check("nothing", "", json!({}));
        check(
            "",
            "displayName,id,meta,emails.type",
            json!({"userName": "anne", "emails": [{"value": "a@b.fr"}]}),
        );
        let search = json!({"attributes": ["userName"]});
        assert_eq!(Wanted::of_search(&search), Ok(Wanted::parse(Some("userName"), None)));
        assert!(Wanted::of_search(&json!({"attributes": "userName"})).is_err());
    }
}
