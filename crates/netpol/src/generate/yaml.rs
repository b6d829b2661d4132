//! How is YAML written so that every reader gets the same text back?

/// A scalar, quoted when a reader could take it for something else.
pub fn scalar(text: &str) -> String {
    let plain = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ' ' | '(' | ')' | '+'))
        && text.starts_with(|c: char| c.is_alphabetic() || c == '/')
        && !text.ends_with(' ')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n" | "nan" | "inf"
        );
    match plain {
        true => text.to_owned(),
        false => {
            let escaped =
                text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
            format!("\"{escaped}\"")
        }
    }
}

/// A text that grows by lines with a depth of two spaces each.
#[derive(Debug, Default)]
pub struct Writer {
    text: String,
}

impl Writer {
    /// Adds a line.
    pub fn line(&mut self, depth: usize, line: &str) {
        self.text.extend(std::iter::repeat_n(' ', depth * 2));
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Adds a key and its value.
    pub fn pair(&mut self, depth: usize, key: &str, value: &str) {
        self.line(depth, &format!("{}: {}", scalar(key), scalar(value)));
    }

    /// Adds a comment; line breaks become spaces.
    pub fn comment(&mut self, depth: usize, text: &str) {
        self.line(depth, &format!("# {}", text.replace(['\n', '\r'], " ")));
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }

    /// Adds a label selector under `key`; `{}` when it matches everything. `prefix` goes before every label key.
    pub fn selector(&mut self, depth: usize, key: &str, selector: &crate::model::labels::Selector) {
        use crate::model::labels::Requirement;
        if selector.is_everything() {
            self.line(depth, &format!("{key}: {{}}"));
            return;
        }
        self.line(depth, &format!("{key}:"));
        let single = |requirement: &&Requirement| matches!(requirement, Requirement::In(_, values) if values.len() == 1);
        let mut keys = std::collections::HashSet::new();
        let (mut labels, mut expressions) = (Vec::new(), Vec::new());
        for requirement in selector.requirements() {
            match single(&requirement) && keys.insert(requirement.key()) {
                true => labels.push(requirement),
                false => expressions.push(requirement),
            }
        }
        if !labels.is_empty() {
            self.line(depth + 1, "matchLabels:");
            for label in labels {
                if let Requirement::In(key, values) = label {
                    self.line(depth + 2, &format!("{}: {}", scalar(key), quoted(&values[0])));
                }
            }
        }
        if !expressions.is_empty() {
            self.line(depth + 1, "matchExpressions:");
            for expression in expressions {
                let (operator, values) = match expression {
                    Requirement::In(_, values) => ("In", Some(values)),
                    Requirement::NotIn(_, values) => ("NotIn", Some(values)),
                    Requirement::Exists(_) => ("Exists", None),
                    Requirement::Missing(_) => ("DoesNotExist", None),
                };
                self.line(depth + 1, &format!("- key: {}", scalar(expression.key())));
                self.line(depth + 2, &format!("operator: {operator}"));
                if let Some(values) = values {
                    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                    self.line(depth + 2, &format!("values: [{}]", values.join(", ")));
                }
            }
        }
    }
}

/// A label value: quoted unless it is a plain word, since `1` and `true` are not texts in YAML.
pub fn quoted(text: &str) -> String {
    match text.contains([' ', '(', ')', '+']) {
        true => format!("\"{text}\""),
        false => scalar(text),
    }
}
