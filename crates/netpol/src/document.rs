//! What values does this YAML or JSON text hold, and on which line is each of them?

use crate::error::{Error, Origin, Result};
use crate::language::say;
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::collections::HashMap;
use std::sync::Arc;

/// Nesting that no manifest needs; deeper input is an attack on the stack.
const MAX_DEPTH: usize = 96;
/// Values in one file, aliases expanded: a list of 100,000 pods has about 10 million.
const MAX_NODES: usize = 20_000_000;
/// Values that aliases may copy: stops "billion laughs" documents early.
const MAX_ALIASED: usize = 200_000;

/// A value and its line (counted from 1).
#[derive(Clone, Debug)]
pub struct Node {
    /// Line of the first character.
    pub line: u32,
    /// The value.
    pub value: Value,
}

/// What a node holds. Scalars stay text: what they mean depends on the field that reads them.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// A scalar; `plain` when it was written without quotes.
    Scalar {
        /// The text, unescaped.
        text: Box<str>,
        /// Written without quotes.
        plain: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file.
    Map(Vec<(Box<str>, Node)>),
}

impl Node {
    /// The value under `key`, when this is a mapping that has it and it is not null.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|(name, _)| &**name == key)
                .map(|(_, node)| node)
                .filter(|node| !node.is_null()),
            _ => None,
        }
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Whether this is null or empty.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// What a reader would call this value in an error.
    pub fn kind_name(&self) -> String {
        match self.value {
            Value::Null => say!("rien", "nothing"),
            Value::Scalar { .. } => say!("une valeur simple", "a single value"),
            Value::List(_) => say!("une liste", "a list"),
            Value::Map(_) => say!("une table", "a mapping"),
        }
    }
}

/// The documents of a text: JSON when it starts like JSON, YAML otherwise.
///
/// Errors: broken syntax, a key given twice, too deep or too large; each with file and line.
pub fn parse(text: &str, file: &Arc<str>) -> Result<Vec<Node>> {
    let start = text.trim_start_matches('\u{feff}');
    if matches!(start.trim_start().as_bytes().first(), Some(b'{' | b'['))
        && let Ok(nodes) = crate::json::parse(start, file)
    {
        return Ok(nodes);
    }
    parse_yaml(start, file).or_else(|error| match without_tabs(start) {
        Some(text) => parse_yaml(&text, file).map_err(|_| error),
        None => Err(error),
    })
}

/// The text with spaces for the tabs that open lines inside `[…]` and `{…}`: indentation means nothing there, and
/// kubectl reads such files though the YAML grammar does not. `None` when there is no such tab.
fn without_tabs(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut depth, mut quote, mut changed) = (0usize, None, false);
    for line in text.split_inclusive('\n') {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        let (lead, rest) = line.split_at(blank);
        if depth > 0 && quote.is_none() && lead.contains('\t') {
            changed = true;
            out.push_str(&lead.replace('\t', "        "));
        } else {
            out.push_str(lead);
        }
        let mut before = ' ';
        for c in rest.chars() {
            match (quote, c) {
                (Some(open), c) if c == open && before != '\\' => quote = None,
                (Some(_), _) => {}
                (None, '#') if before.is_whitespace() => break,
                (None, '"' | '\'') if depth > 0 => quote = Some(c),
                (None, '[' | '{') => depth += 1,
                (None, ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            before = c;
        }
        out.push_str(rest);
    }
    changed.then_some(out)
}

enum Frame {
    List(u32, usize, Vec<Node>),
    Map(u32, usize, Vec<(Box<str>, Node)>, Option<(Box<str>, u32)>),
}

struct Builder<'a> {
    file: &'a Arc<str>,
    frames: Vec<Frame>,
    anchors: HashMap<usize, (Node, usize)>,
    documents: Vec<Node>,
    nodes: usize,
    aliased: usize,
}

fn parse_yaml(text: &str, file: &Arc<str>) -> Result<Vec<Node>> {
    let mut builder = Builder {
        file,
        frames: Vec::new(),
        anchors: HashMap::new(),
        documents: Vec::new(),
        nodes: 0,
        aliased: 0,
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
            Error::input(
                &Origin::new(file, line),
                say!("ce YAML n'est pas valide : {}", "this is not valid YAML: {}", error.info()),
            )
            .hint(say!(
                "les modèles doivent d'abord être rendus : helm template …, kustomize build …",
                "templates must be rendered first: helm template …, kustomize build …"
            ))
        })?;
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        builder.event(event, line)?;
    }
    Ok(builder.documents)
}

impl Builder<'_> {
    fn fail(&self, line: u32, message: impl std::fmt::Display) -> Error {
        Error::input(&Origin::new(self.file, line), message)
    }

    fn event(&mut self, event: Event<'_>, line: u32) -> Result<()> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let value = if plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
                    Value::Null
                } else {
                    Value::Scalar { text: text.into(), plain }
                };
                self.close(Node { line, value }, anchor, 1)
            }
            Event::SequenceStart(anchor, _) => self.open(Frame::List(line, anchor, Vec::new()), line),
            Event::MappingStart(anchor, _) => self.open(Frame::Map(line, anchor, Vec::new(), None), line),
            Event::SequenceEnd | Event::MappingEnd => match self.frames.pop() {
                Some(Frame::List(line, anchor, items)) => {
                    let size = items.len();
                    self.close(Node { line, value: Value::List(items) }, anchor, size)
                }
                Some(Frame::Map(line, anchor, entries, _)) => {
                    self.refuse_duplicates(&entries)?;
                    let size = entries.len();
                    self.close(Node { line, value: Value::Map(merge(entries)) }, anchor, size)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let (node, size) = self.anchors.get(&anchor).cloned().ok_or_else(|| {
                    self.fail(
                        line,
                        say!("aucune ancre ne précède cet alias", "this alias has no anchor before it"),
                    )
                })?;
                self.aliased += size;
                if self.aliased > MAX_ALIASED {
                    return Err(self.fail(
                        line,
                        say!(
                            "les alias donnent plus de {MAX_ALIASED} valeurs",
                            "aliases expand to more than {MAX_ALIASED} values"
                        ),
                    ));
                }
                self.close(node, 0, size)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, frame: Frame, line: u32) -> Result<()> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(self.fail(
                line,
                say!("plus de {MAX_DEPTH} niveaux imbriqués", "nested deeper than {MAX_DEPTH} levels"),
            ));
        }
        self.frames.push(frame);
        Ok(())
    }

    fn close(&mut self, node: Node, anchor: usize, size: usize) -> Result<()> {
        self.nodes += size;
        if self.nodes > MAX_NODES {
            return Err(self.fail(
                node.line,
                say!(
                    "plus de {MAX_NODES} valeurs dans un fichier",
                    "more than {MAX_NODES} values in one file"
                ),
            ));
        }
        if anchor != 0 {
            let size = count(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let line = node.line;
        match self.frames.last_mut() {
            None => self.documents.push(node),
            Some(Frame::List(_, _, items)) => items.push(node),
            Some(Frame::Map(_, _, entries, key)) => match key.take() {
                Some((name, _)) => entries.push((name, node)),
                None => {
                    let name = match node.value {
                        Value::Scalar { text, .. } => text,
                        Value::Null => "".into(),
                        _ => {
                            return Err(self.fail(
                                line,
                                say!("une clé doit être une valeur simple", "a key must be a single value"),
                            ));
                        }
                    };
                    *key = Some((name, line));
                }
            },
        }
        Ok(())
    }

    fn refuse_duplicates(&self, entries: &[(Box<str>, Node)]) -> Result<()> {
        /// Below this a walk over all pairs is faster than a table.
        const FEW: usize = 12;
        let unique = |at: usize| entries[..at].iter().all(|(key, _)| *key != entries[at].0);
        if entries.len() <= FEW && (1..entries.len()).all(unique) {
            return Ok(());
        }
        let mut seen: HashMap<&str, u32> = HashMap::with_capacity(entries.len());
        for (key, node) in entries {
            if let Some(first) = seen.insert(key, node.line)
                && &**key != "<<"
            {
                return Err(self.fail(
                    node.line,
                    say!(
                        "la clé « {key} » est donnée deux fois (d'abord vers la ligne {first})",
                        "the key '{key}' is given twice (first near line {first})"
                    ),
                ));
            }
        }
        Ok(())
    }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|(_, node)| count(node)).sum::<usize>(),
        _ => 1,
    }
}

/// Applies `<<` merge keys, which kubectl accepts too: keys already present win.
fn merge(entries: Vec<(Box<str>, Node)>) -> Vec<(Box<str>, Node)> {
    if !entries.iter().any(|(key, _)| &**key == "<<") {
        return entries;
    }
    let (merges, mut kept): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(key, _)| &**key == "<<");
    for (_, node) in merges {
        let sources = match node.value {
            Value::List(items) => items,
            _ => vec![node],
        };
        for source in sources {
            if let Value::Map(inherited) = source.value {
                for (key, value) in inherited {
                    if !kept.iter().any(|(name, _)| *name == key) {
                        kept.push((key, value));
                    }
                }
            }
        }
    }
    kept
}
