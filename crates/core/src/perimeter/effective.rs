//! Which value holds in the end, and where does it come from?

use serde::Serialize;

use super::{Perimeter, Position};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody declared it.
    Default,
    /// The file, at this place.
    File(Position),
    /// This option or argument of the command line.
    Command(String),
}

impl Origin {
    /// In words; `file` is the file's name.
    pub fn in_words(&self, file: &str) -> String {
        match self {
            Origin::Default => "default".to_owned(),
            Origin::File(Position { line, .. }) => format!("{file}:{line}"),
            Origin::Command(option) => format!("command line: {option}"),
        }
    }
}

/// One value that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// Its path: `egress[0].host`.
    pub path: String,
    /// The value as TOML writes it.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

impl Perimeter {
    /// Every value that holds, sorted by its path, with where it comes from.
    pub fn effective(&self) -> Vec<Effective> {
        let mut found = Vec::new();
        // Serialising our own types to TOML values can't fail: they hold no maps with other keys than strings.
        if let Ok(value) = toml::Value::try_from(self) {
            self.flatten("", &value, &mut found);
        }
        found
    }

    fn flatten(&self, path: &str, value: &toml::Value, found: &mut Vec<Effective>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    self.flatten(&path, value, found);
                }
            }
            toml::Value::Array(values) if values.iter().any(toml::Value::is_table) => {
                for (number, value) in values.iter().enumerate() {
                    self.flatten(&format!("{path}[{number}]"), value, found);
                }
            }
            value => found.push(Effective {
                path: path.to_owned(),
                value: value.to_string(),
                origin: self.origin(path),
            }),
        }
    }
}

impl Serialize for Effective {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("Effective", 3)?;
        fields.serialize_field("path", &self.path)?;
        fields.serialize_field("value", &self.value)?;
        fields.serialize_field("origin", &self.origin.in_words("file"))?;
        fields.end()
    }
}
