//! How is a field of a manifest read, so that a wrong one is an error with file, line and field name?

use crate::document::{Node, Value};
use crate::error::{Error, Origin, Result};
use crate::language::say;
use crate::model::labels::{Labels, Requirement, Selector};
use crate::model::ports::{Connections, Protocol};
use std::sync::Arc;

/// Reads fields of one file.
#[derive(Clone)]
pub struct Fields {
    /// The file, as given.
    pub file: Arc<str>,
}

impl Fields {
    /// Where a node is.
    pub fn origin(&self, node: &Node) -> Origin {
        Origin::new(&self.file, node.line)
    }

    /// An error at a node.
    pub fn fail(&self, node: &Node, message: impl std::fmt::Display) -> Error {
        Error::input(&self.origin(node), message)
    }

    /// The text of a scalar field, if it is there.
    pub fn text<'n>(&self, node: &'n Node, key: &str) -> Result<Option<&'n str>> {
        match node.get(key) {
            None => Ok(None),
            Some(value) => value.text().map(Some).ok_or_else(|| {
                self.fail(
                    value,
                    say!(
                        "{key} devrait être un texte, pas {}",
                        "{key} should be text, not {}",
                        value.kind_name()
                    ),
                )
            }),
        }
    }

    /// The text of a scalar field that must be there.
    pub fn required<'n>(&self, node: &'n Node, key: &str) -> Result<&'n str> {
        self.text(node, key)?.ok_or_else(|| self.fail(node, say!("{key} manque", "{key} is missing")))
    }

    /// The items of a list field; nothing when it is missing.
    pub fn list<'n>(&self, node: &'n Node, key: &str) -> Result<&'n [Node]> {
        match node.get(key) {
            None => Ok(&[]),
            Some(Node { value: Value::List(items), .. }) => Ok(items),
            Some(other) => Err(self.fail(
                other,
                say!(
                    "{key} devrait être une liste, pas {}",
                    "{key} should be a list, not {}",
                    other.kind_name()
                ),
            )),
        }
    }

    /// The entries of a mapping node.
    pub fn map<'n>(&self, node: &'n Node, what: &str) -> Result<&'n [(Box<str>, Node)]> {
        match &node.value {
            Value::Map(entries) => Ok(entries),
            Value::Null => Ok(&[]),
            _ => Err(self.fail(
                node,
                say!(
                    "{what} devrait être une table, pas {}",
                    "{what} should be a mapping, not {}",
                    node.kind_name()
                ),
            )),
        }
    }

    /// Refuses fields that the API server would refuse or drop: a misspelt selector changes who may talk to whom.
    pub fn only(&self, node: &Node, what: &str, known: &[&str]) -> Result<()> {
        for (key, value) in self.map(node, what)? {
            if !known.contains(&&**key) {
                let error = self
                    .fail(value, say!("{what} n'a pas de champ « {key} »", "{what} has no field '{key}'"));
                return Err(error.hint(say!("champs connus : {}", "known fields: {}", known.join(", "))));
            }
        }
        Ok(())
    }

    /// Whether a boolean field is true.
    pub fn flag(&self, node: &Node, key: &str) -> Result<Option<bool>> {
        match self.text(node, key)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(self.fail(
                node,
                say!(
                    "{key} devrait être true ou false, pas « {other} »",
                    "{key} should be true or false, not '{other}'"
                ),
            )),
        }
    }

    /// A mapping of text to text, such as labels; numbers and booleans are kept as written.
    pub fn labels(&self, node: Option<&Node>) -> Result<Labels> {
        let Some(node) = node else { return Ok(Labels::new()) };
        self.map(node, "labels")?
            .iter()
            .map(|(key, value)| match &value.value {
                Value::Scalar { text, .. } => Ok((key.to_string(), text.to_string())),
                Value::Null => Ok((key.to_string(), String::new())),
                _ => Err(self.fail(
                    value,
                    say!("l'étiquette « {key} » devrait être un texte", "the label '{key}' should be text"),
                )),
            })
            .collect()
    }

    /// A label selector; `None` reads as the selector that matches everything.
    pub fn selector(&self, node: Option<&Node>) -> Result<Selector> {
        let Some(node) = node else { return Ok(Selector::everything()) };
        self.only(
            node,
            &say!("un sélecteur d'étiquettes", "a label selector"),
            &["matchLabels", "matchExpressions"],
        )?;
        let mut requirements: Vec<Requirement> = self
            .labels(node.get("matchLabels"))?
            .into_iter()
            .map(|(key, value)| Requirement::In(key, vec![value]))
            .collect();
        for expression in self.list(node, "matchExpressions")? {
            requirements.push(self.expression(expression)?);
        }
        Ok(Selector::new(requirements))
    }

    fn expression(&self, node: &Node) -> Result<Requirement> {
        self.only(
            node,
            &say!("une expression de sélection", "a match expression"),
            &["key", "operator", "values"],
        )?;
        let key = self.required(node, "key")?.to_owned();
        let mut values = Vec::new();
        for value in self.list(node, "values")? {
            let text = value.text().ok_or_else(|| {
                self.fail(value, say!("values devrait contenir des textes", "values should hold texts"))
            })?;
            values.push(text.to_owned());
        }
        values.sort();
        values.dedup();
        let operator = self.required(node, "operator")?;
        match (operator, values.is_empty()) {
            ("In", false) => Ok(Requirement::In(key, values)),
            ("NotIn", false) => Ok(Requirement::NotIn(key, values)),
            ("Exists", true) => Ok(Requirement::Exists(key)),
            ("DoesNotExist", true) => Ok(Requirement::Missing(key)),
            ("In" | "NotIn", true) => Err(self.fail(
                node,
                say!("l'opérateur {operator} demande des valeurs", "operator {operator} needs values"),
            )),
            ("Exists" | "DoesNotExist", false) => Err(self.fail(
                node,
                say!("l'opérateur {operator} ne prend pas de valeurs", "operator {operator} takes no values"),
            )),
            _ => Err(self.fail(
                node,
                say!(
                    "« {operator} » n'est ni In, ni NotIn, ni Exists, ni DoesNotExist",
                    "'{operator}' is not In, NotIn, Exists or DoesNotExist"
                ),
            )),
        }
    }

    /// A protocol field; TCP when it is missing.
    pub fn protocol(&self, node: &Node, key: &str) -> Result<Protocol> {
        match self.text(node, key)? {
            None => Ok(Protocol::Tcp),
            Some(text) => {
                Protocol::ALL.into_iter().find(|protocol| protocol.name() == text).ok_or_else(|| {
                    self.fail(
                        node,
                        say!(
                            "« {text} » n'est pas un protocole : TCP, UDP ou SCTP",
                            "'{text}' is not a protocol: TCP, UDP or SCTP"
                        ),
                    )
                })
            }
        }
    }

    /// A port number from 1 to 65535.
    pub fn port(&self, node: &Node, text: &str) -> Result<u16> {
        text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| {
            self.fail(
                node,
                say!("« {text} » n'est pas un port : de 1 à 65535", "'{text}' is not a port: 1 to 65535"),
            )
        })
    }

    /// A port number field that must be there.
    pub fn port_field(&self, node: &Node, key: &str) -> Result<u16> {
        self.port(node, self.required(node, key)?)
    }

    /// The connections of a closed range.
    pub fn range(&self, node: &Node, protocol: Protocol, low: u16, high: u16) -> Result<Connections> {
        if low > high {
            return Err(self.fail(
                node,
                say!(
                    "la plage de ports {low}-{high} finit avant de commencer",
                    "the port range {low}-{high} ends before it starts"
                ),
            ));
        }
        Ok(Connections::range(protocol, low, high))
    }
}
