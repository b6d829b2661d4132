//! How are the sections read so that every mistake is found at once, at its place?
//!
//! The file is parsed to values that remember where they stand. Each section is then checked by itself: its keys
//! against those of its type, then its values. One mistake in a section does not hide those in others.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::mistake::{Mistake, Position, nearest};

/// The file being read: what was found, and what was wrong.
pub(super) struct Reader<'a> {
    pub file: &'a str,
    pub text: &'a str,
    pub mistakes: Vec<Mistake>,
    /// Where each value stands, by its path: `egress[0].host`.
    pub places: BTreeMap<String, Position>,
}

impl<'a> Reader<'a> {
    /// The file's tables; none when it is not TOML at all (the mistakes say why).
    pub fn tables(&mut self) -> Option<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            self.mistake(span, error.message().trim(), "see https://toml.io for how TOML is written");
        }
        if !self.mistakes.is_empty() {
            return None;
        }
        let table = table.into_inner();
        self.note_places("", &table);
        Some(table)
    }

    /// Notes that something is wrong at a place.
    pub fn mistake(&mut self, span: Range<usize>, what: impl Into<String>, mend: impl Into<String>) {
        let at = Position::of(self.text, span.start);
        self.mistake_at(at, what, mend);
    }

    /// Notes that something is wrong at a line and column.
    pub fn mistake_at(&mut self, at: Position, what: impl Into<String>, mend: impl Into<String>) {
        let Position { line, column } = at;
        let file = self.file.to_owned();
        self.mistakes.push(Mistake { file, line, column, what: what.into(), mend: mend.into() });
    }

    /// One section written `[name]`; its default when it is absent.
    pub fn section<T: DeserializeOwned + Default>(&mut self, table: &mut DeTable<'a>, name: &str) -> T {
        self.optional(table, name).unwrap_or_default()
    }

    /// One section written `[name]`; none when it is absent or wrong.
    pub fn optional<T: DeserializeOwned>(&mut self, table: &mut DeTable<'a>, name: &str) -> Option<T> {
        let value = table.remove(name)?;
        if !value.get_ref().is_table() {
            let found = value.get_ref().type_str();
            self.mistake(
                value.span(),
                format!("`{name}` is {}", with_article(found)),
                format!("write it as a section: `[{name}]`"),
            );
            return None;
        }
        self.read(value, &format!("[{name}]"))
    }

    /// Sections written `[[name]]`, in the file's order, each with its number in the file. Wrong ones are left out.
    pub fn sections<T: DeserializeOwned>(&mut self, table: &mut DeTable<'a>, name: &str) -> Vec<T> {
        let Some(value) = table.remove(name) else { return Vec::new() };
        let span = value.span();
        let DeValue::Array(values) = value.into_inner() else {
            self.mistake(
                span,
                format!("`{name}` can stand several times"),
                format!("write it as `[[{name}]]`"),
            );
            return Vec::new();
        };
        let mut read = Vec::new();
        for value in values {
            if !value.get_ref().is_table() {
                self.mistake(
                    value.span(),
                    format!("a `{name}` is a section"),
                    format!("write it as `[[{name}]]`"),
                );
                continue;
            }
            read.extend(self.read(value, &format!("[[{name}]]")));
        }
        read
    }

    /// One plain value at the top of the file; none when it is absent or wrong.
    pub fn value<T: DeserializeOwned>(&mut self, table: &mut DeTable<'a>, name: &str) -> Option<T> {
        let value = table.remove(name)?;
        let span = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong_value(error.span().unwrap_or(span), error.message(), name);
                None
            }
        }
    }

    /// What is left over was never meant: unknown sections.
    pub fn rest(&mut self, table: &DeTable<'a>, known: &[&str]) {
        for key in table.keys() {
            let name = key.get_ref();
            let mend = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the sections are {}", list(known)),
            };
            self.mistake(key.span(), format!("unknown section or key `{name}`"), mend);
        }
    }

    fn read<T: DeserializeOwned>(&mut self, mut value: Spanned<DeValue<'a>>, section: &str) -> Option<T> {
        let before = self.mistakes.len();
        let known = fields::<T>();
        if let DeValue::Table(table) = value.get_mut() {
            let mut unknown = Vec::new();
            for key in table.keys() {
                let name = key.get_ref();
                if known.contains(&name.as_ref()) {
                    continue;
                }
                let mend = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the keys of {section} are {}", list(known)),
                };
                self.mistake(key.span(), format!("unknown key `{name}` in {section}"), mend);
                unknown.push(name.to_string());
            }
            for name in unknown {
                table.remove(name.as_str());
            }
        }
        let span = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(read) => (self.mistakes.len() == before).then_some(read),
            Err(error) => {
                self.wrong_value(error.span().unwrap_or(span), error.message(), section);
                None
            }
        }
    }

    /// Turns serde's words into ours.
    fn wrong_value(&mut self, span: Range<usize>, message: &str, section: &str) {
        let message = message.trim();
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let (what, mend) = if message.starts_with("missing field") {
            let field = quoted.first().copied().unwrap_or_default();
            (format!("`{field}` is missing in {section}"), format!("add `{field} = …`"))
        } else if message.starts_with("unknown variant") {
            let (word, known) = quoted.split_first().map_or(("", &[][..]), |(word, known)| (*word, known));
            let mend = match nearest(word, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? The choices are {}", list(known)),
                None => format!("the choices are {}", list(known)),
            };
            (format!("`{word}` is not one of the choices"), mend)
        } else if let Some((found, expected)) = message.split_once(", expected ") {
            let found = found.trim_start_matches("invalid type: ").trim_start_matches("invalid value: ");
            let mend = match expected.strip_prefix("struct ") {
                Some(_) => format!(
                    "write a table, `{{ key = … }}`; `intramuros perimeter schema` has the keys of {section}"
                ),
                None => format!("write {}", plain(expected)),
            };
            (format!("{found} can't stand here"), mend)
        } else {
            (message.to_owned(), format!("correct this value of {section}"))
        };
        self.mistake(span, what, mend);
    }

    fn note_places(&mut self, prefix: &str, table: &DeTable<'a>) {
        for (key, value) in table {
            let path = if prefix.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{prefix}.{}", key.get_ref())
            };
            self.note_value(&path, key.span(), value.get_ref());
        }
    }

    fn note_value(&mut self, path: &str, span: Range<usize>, value: &DeValue<'a>) {
        self.places.insert(path.to_owned(), Position::of(self.text, span.start));
        match value {
            DeValue::Table(table) => self.note_places(path, table),
            DeValue::Array(values) => {
                for (number, value) in values.iter().enumerate() {
                    self.note_value(&format!("{path}[{number}]"), value.span(), value.get_ref());
                }
            }
            _ => {}
        }
    }
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn with_article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}

/// The type names of Rust in plain words.
fn plain(expected: &str) -> String {
    match expected {
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, not negative",
        "a boolean" => "true or false",
        "a string" | "path string" => "text in quotes",
        "a sequence" => "a list: [\"…\", \"…\"]",
        other => other,
    }
    .to_owned()
}

/// The keys of a section: the field names of its type, as serde knows them.
pub(super) fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Catch<'a>(&'a mut &'static [&'static str]);
    impl<'de> Deserializer<'de> for Catch<'_> {
        type Error = serde::de::value::Error;
        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(Self::Error::custom("only the fields are asked for"))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            Err(Self::Error::custom("only the fields are asked for"))
        }
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    let mut found: &'static [&'static str] = &[];
    // The error is the point: deserialisation stops as soon as the fields are known.
    let _ = T::deserialize(Catch(&mut found));
    found
}
