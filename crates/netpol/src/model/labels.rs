//! Does this selector match these labels? Exactly as `metav1.LabelSelector` says.

use std::collections::BTreeMap;
use std::fmt;

/// Labels of an object, sorted by key.
pub type Labels = BTreeMap<String, String>;

/// The label that Kubernetes puts on every namespace.
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// One condition on a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Requirement {
    /// The label is there and its value is one of these.
    In(String, Vec<String>),
    /// The label is missing or its value is none of these.
    NotIn(String, Vec<String>),
    /// The label is there.
    Exists(String),
    /// The label is missing.
    Missing(String),
}

impl Requirement {
    /// The key that it looks at.
    pub fn key(&self) -> &str {
        match self {
            Self::In(key, _) | Self::NotIn(key, _) | Self::Exists(key) | Self::Missing(key) => key,
        }
    }

    /// The same condition on another label.
    #[must_use]
    pub fn renamed(&self, key: &str) -> Self {
        let key = key.to_owned();
        match self {
            Self::In(_, values) => Self::In(key, values.clone()),
            Self::NotIn(_, values) => Self::NotIn(key, values.clone()),
            Self::Exists(_) => Self::Exists(key),
            Self::Missing(_) => Self::Missing(key),
        }
    }

    /// Whether these labels fulfil it.
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(self.key());
        match self {
            Self::In(_, values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(_, values) => value.is_none_or(|value| !values.contains(value)),
            Self::Exists(_) => value.is_some(),
            Self::Missing(_) => value.is_none(),
        }
    }
}

/// Conditions that must all hold; none at all matches everything. Sorted, so that equal selectors are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector(Vec<Requirement>);

impl Selector {
    /// The selector of these conditions.
    pub fn new(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort();
        requirements.dedup();
        Self(requirements)
    }

    /// The selector that matches everything.
    pub fn everything() -> Self {
        Self::default()
    }

    /// The selector of one label with one value.
    pub fn label(key: &str, value: &str) -> Self {
        Self(vec![Requirement::In(key.to_owned(), vec![value.to_owned()])])
    }

    /// The selector of exactly these labels, others allowed.
    pub fn labels(labels: &Labels) -> Self {
        Self(labels.iter().map(|(key, value)| Requirement::In(key.clone(), vec![value.clone()])).collect())
    }

    /// The selector of one namespace by its name.
    pub fn namespace(name: &str) -> Self {
        Self::label(NAMESPACE_NAME, name)
    }

    /// The conditions, sorted.
    pub fn requirements(&self) -> &[Requirement] {
        &self.0
    }

    /// Whether it matches everything.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether these labels fulfil every condition.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| requirement.matches(labels))
    }
}

impl fmt::Display for Selector {
    /// The notation of `kubectl -l`: `app=web,tier in (a,b),!legacy`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, requirement) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            match requirement {
                Requirement::In(key, values) if values.len() == 1 => write!(f, "{key}={}", values[0])?,
                Requirement::In(key, values) => write!(f, "{key} in ({})", values.join(","))?,
                Requirement::NotIn(key, values) => write!(f, "{key} notin ({})", values.join(","))?,
                Requirement::Exists(key) => f.write_str(key)?,
                Requirement::Missing(key) => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}
