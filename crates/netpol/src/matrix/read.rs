//! What does this matrix file say: CSV, YAML, or the rows of a sheet?

use super::headings::{Column, column};
use super::hidden::Concealed;
use super::party::Party;
use super::{Category, Day, Flow, MAX_FLOWS, Matrix};
use crate::document::{self, Node, Value};
use crate::error::{Error, ErrorKind, Origin, Result};
use crate::language::say;
use crate::model::policy::PortMatch;
use crate::model::ports::{Connections, Protocol};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The largest matrix file that is read: a real one has a few hundred kilobytes.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;

/// A line or row number from 1, and its cells.
pub type Row = (u32, Vec<String>);

/// Rows of cells, with the place of each row.
pub struct Rows {
    /// Each row: its line or row number from 1, and its cells.
    pub rows: Vec<Row>,
    /// What a reader of the sheet does not see as it is read.
    pub concealed: Vec<Concealed>,
    /// The column of the first cell of every row, from 0.
    pub first_column: u32,
}

/// Reads a matrix from the bytes of a file; the name tells the format.
///
/// Errors: too large, wrong encoding, no recognisable heading, every broken cell with its place.
pub fn read(name: &str, bytes: &[u8]) -> Result<Matrix> {
    let file: Arc<str> = Arc::from(name);
    let whole = Origin::new(&file, 0);
    if bytes.len() > MAX_BYTES {
        return Err(Error::input(
            &whole,
            say!("plus grand que {} Mo", "larger than {} MB", MAX_BYTES / 1024 / 1024),
        )
        .hint(say!(
            "une matrice a une ligne par flux : est-ce le bon fichier ?",
            "a flow matrix has one line per flow: is this the right file?"
        )));
    }
    let lower = name.to_lowercase();
    if lower.ends_with(".xlsx") || lower.ends_with(".ods") || lower.ends_with(".xlsm") {
        let rows = super::sheet::rows(&file, bytes, lower.ends_with(".ods"))?;
        return from_rows(&file, rows);
    }
    if lower.ends_with(".xls") {
        return Err(Error::input(
            &whole,
            say!("l'ancien format XLS n'est pas lu", "the old XLS format is not read"),
        )
        .hint(say!("l'enregistrer en XLSX, ODS ou CSV", "save it as XLSX, ODS or CSV")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        Error::input(&Origin::new(&file, line), say!("ce texte n'est pas en UTF-8", "this text is not UTF-8"))
            .hint(say!(
                "l'enregistrer en « CSV UTF-8 », en XLSX ou en ODS",
                "save it as 'CSV UTF-8', or as XLSX or ODS"
            ))
    })?;
    let text = text.trim_start_matches('\u{feff}');
    if lower.ends_with(".yaml") || lower.ends_with(".yml") || lower.ends_with(".json") {
        return from_yaml(&file, text);
    }
    from_rows(&file, csv_rows(&file, text)?)
}

/// The rows of a CSV text; the separator is the one of `,` `;` tab that the first line has most of.
fn csv_rows(file: &Arc<str>, text: &str) -> Result<Rows> {
    let heading = text.lines().next().unwrap_or_default();
    let separator = [',', ';', '\t']
        .into_iter()
        .max_by_key(|separator| heading.matches(*separator).count())
        .unwrap_or(',');
    let mut rows = Vec::new();
    let (mut cells, mut cell) = (Vec::new(), String::new());
    let (mut quoted, mut line, mut start) = (false, 1u32, 1u32);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if c == '\n' {
            line += 1;
        }
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.trim().is_empty() => {
                cell.clear();
                quoted = true;
            }
            c if quoted => cell.push(c),
            c if c == separator => cells.push(std::mem::take(&mut cell)),
            '\r' => {}
            '\n' => {
                cells.push(std::mem::take(&mut cell));
                rows.push((start, std::mem::take(&mut cells)));
                start = line;
            }
            c => cell.push(c),
        }
    }
    if quoted {
        return Err(Error::input(
            &Origin::new(file, start),
            say!("une cellule entre guillemets n'est pas fermée", "a quoted cell is not closed"),
        ));
    }
    if !cell.is_empty() || !cells.is_empty() {
        cells.push(cell);
        rows.push((start, cells));
    }
    Ok(Rows { rows, concealed: Vec::new(), first_column: 0 })
}

/// A matrix from rows: the first row with a source and a destination heading is the heading.
fn from_rows(file: &Arc<str>, rows: Rows) -> Result<Matrix> {
    let mut rows_iter = rows.rows.into_iter();
    let mut notes = Vec::new();
    let columns = loop {
        let Some((line, cells)) = rows_iter.next() else {
            return Err(Error::input(
                &Origin::new(file, 0),
                say!(
                    "aucune ligne n'a les titres « source » et « destination »",
                    "no row has the headings 'source' and 'destination'"
                ),
            )
            .hint(say!(
                "intramuros netpol template écrit un exemple",
                "intramuros netpol template writes an example"
            )));
        };
        let found: Vec<Option<Column>> = cells.iter().map(|cell| column(cell)).collect();
        if found.contains(&Some(Column::Source)) && found.contains(&Some(Column::Destination)) {
            for (cell, found) in cells.iter().zip(&found) {
                if found.is_none() && !cell.trim().is_empty() {
                    notes.push(say!(
                        "{file}:{line} : la colonne « {} » est laissée de côté",
                        "{file}:{line}: the column '{}' is left aside",
                        cell.trim()
                    ));
                }
            }
            refuse_twice(file, line, &found, &cells)?;
            refuse_concealed(rows.concealed, rows.first_column, line, &found)?;
            break found;
        }
    };
    let mut matrix = Matrix { flows: Vec::new(), notes };
    let mut errors = Vec::new();
    for (line, cells) in rows_iter {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let origin = Origin::new(file, line);
        let fields: BTreeMap<Column, &str> =
            columns.iter().zip(&cells).filter_map(|(column, cell)| Some(((*column)?, cell.trim()))).collect();
        push(&mut matrix, &mut errors, flow(&fields, &origin))?;
    }
    finish(matrix, errors, file)
}

/// What stands above the heading, or in a column that is left aside, may be hidden or merged: titles often are.
fn refuse_concealed(
    concealed: Vec<Concealed>,
    first_column: u32,
    heading: u32,
    found: &[Option<Column>],
) -> Result<()> {
    let matters = |hidden: &Concealed| {
        let read = found.iter().zip(first_column + 1..).filter(|(column, _)| column.is_some());
        hidden.rows.1 >= heading
            && read.into_iter().any(|(_, at)| (hidden.columns.0..=hidden.columns.1).contains(&at))
    };
    Error::join(concealed.into_iter().filter(matters).map(|hidden| hidden.error).collect())
        .map_or(Ok(()), Err)
}

fn refuse_twice(file: &Arc<str>, line: u32, found: &[Option<Column>], cells: &[String]) -> Result<()> {
    for (at, column) in found.iter().enumerate() {
        if column.is_some()
            && let Some(first) = found[..at].iter().position(|other| other == column)
        {
            let message = say!(
                "les colonnes « {} » et « {} » veulent dire la même chose",
                "the columns '{}' and '{}' mean the same",
                cells[first].trim(),
                cells[at].trim()
            );
            return Err(Error::input(&Origin::new(file, line), message));
        }
    }
    Ok(())
}

fn push(matrix: &mut Matrix, errors: &mut Vec<Error>, flow: Result<Flow>) -> Result<()> {
    match flow {
        Ok(flow) if matrix.flows.len() < MAX_FLOWS => matrix.flows.push(flow),
        Ok(flow) => {
            return Err(Error::input(
                &flow.origin,
                say!("plus de {MAX_FLOWS} flux", "more than {MAX_FLOWS} flows"),
            ));
        }
        Err(error) => errors.push(error),
    }
    Ok(())
}

fn finish(matrix: Matrix, errors: Vec<Error>, file: &Arc<str>) -> Result<Matrix> {
    match Error::join(errors) {
        Some(error) => Err(error),
        None if matrix.flows.is_empty() => Err(Error::new(
            ErrorKind::Input,
            say!("{file} : il ne contient aucun flux", "{file}: it holds no flow"),
        )),
        None => Ok(matrix),
    }
}

/// A flow from its cells.
fn flow(fields: &BTreeMap<Column, &str>, origin: &Origin) -> Result<Flow> {
    let cell = |column: Column| fields.get(&column).copied().unwrap_or_default();
    let fail = |what: &str, error: String| Error::input(origin, format!("{what}: {error}"));
    let namespace = |column: Column| fields.get(&column).copied();
    let source = Party::parse(cell(Column::Source), namespace(Column::SourceNamespace))
        .map_err(|error| fail("source", error))?;
    let destination = Party::parse(cell(Column::Destination), namespace(Column::DestinationNamespace))
        .map_err(|error| fail("destination", error))?;
    let ports = match fields.get(&Column::Connections) {
        Some(text) => parse_ports("", text),
        None => parse_ports(cell(Column::Protocol), cell(Column::Ports)),
    }
    .map_err(|error| fail("ports", error))?;
    let review = match cell(Column::Review) {
        "" => None,
        text => Some(Day::parse(text).ok_or_else(|| {
            fail("review", say!("« {text} » n'est pas une date", "'{text}' is not a date"))
        })?),
    };
    let category = Category::parse(cell(Column::Category)).ok_or_else(|| {
        fail(
            "category",
            say!("« {} » n'est pas une catégorie", "'{}' is not a category", cell(Column::Category)),
        )
    })?;
    let text = |column| cell(column).to_owned();
    Ok(Flow {
        id: Some(text(Column::Id)).filter(|id| !id.is_empty()),
        source,
        destination,
        ports,
        justification: text(Column::Justification),
        owner: text(Column::Owner),
        review,
        category,
        origin: origin.clone(),
    })
}

/// The ports of a line: `443`, `80,443`, `8000-8010`, `http`, `443/tcp`, `TCP 80,UDP 53`, `all`.
pub fn parse_ports(protocol: &str, text: &str) -> std::result::Result<Vec<PortMatch>, String> {
    let all = |text: &str| {
        matches!(
            super::headings::plain(text).as_str(),
            "all" | "tous" | "toutes" | "any" | "all connections" | "tout"
        ) || text.trim() == "*"
    };
    let mut protocols = Vec::new();
    if !all(protocol) {
        for word in protocol.split([',', ';', '/', '+', ' ']).filter(|word| !word.is_empty()) {
            protocols.push(Protocol::parse(word).ok_or_else(|| {
                say!("« {word} » n'est ni TCP, ni UDP, ni SCTP", "'{word}' is not TCP, UDP or SCTP")
            })?);
        }
    }
    if all(text) {
        let set = match protocols.is_empty() {
            true => Connections::all(),
            false => {
                protocols.iter().fold(Connections::none(), |set, p| set.union(&Connections::protocol(*p)))
            }
        };
        return Ok(vec![PortMatch::Numbers(set)]);
    }
    if protocols.is_empty() {
        protocols.push(Protocol::Tcp);
    }
    let (mut numbers, mut ports) = (Connections::none(), Vec::new());
    let mut current = protocols.clone();
    for word in text.split([',', ';', ' ']).filter(|word| !word.is_empty()) {
        if let Some(protocol) = Protocol::parse(word) {
            current = vec![protocol];
            continue;
        }
        let (word, own) = match word.split_once('/') {
            Some((a, b)) => match (Protocol::parse(a), Protocol::parse(b)) {
                (_, Some(protocol)) => (a, vec![protocol]),
                (Some(protocol), _) => (b, vec![protocol]),
                _ => return Err(say!("« {word} » n'est pas un port", "'{word}' is not a port")),
            },
            None => (word, current.clone()),
        };
        match port_range(word)? {
            Some((low, high)) => {
                for protocol in own {
                    numbers = numbers.union(&Connections::range(protocol, low, high));
                }
            }
            None if all(word) => {
                for protocol in own {
                    numbers = numbers.union(&Connections::protocol(protocol));
                }
            }
            None => ports
                .extend(own.into_iter().map(|protocol| PortMatch::Named(Some(protocol), word.to_owned()))),
        }
    }
    if !numbers.is_empty() {
        ports.insert(0, PortMatch::Numbers(numbers));
    }
    match ports.is_empty() {
        true => Err(say!(
            "aucun port n'est donné ; écrire « tous » quand tous les ports sont voulus",
            "no port is given; write 'all' when every port is meant"
        )
        .to_owned()),
        false => Ok(ports),
    }
}

/// A number or a range; `None` for a name.
fn port_range(word: &str) -> std::result::Result<Option<(u16, u16)>, String> {
    let broken =
        || say!("« {word} » n'est pas un port de 1 à 65535", "'{word}' is not a port from 1 to 65535");
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(word).map(|port| Some((port, port))).ok_or_else(broken);
    }
    if word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.')) {
        let (low, high) = word.split_once(['-', ':']).ok_or_else(broken)?;
        let (low, high) = (number(low).ok_or_else(broken)?, number(high).ok_or_else(broken)?);
        return if low <= high {
            Ok(Some((low, high)))
        } else {
            Err(say!("« {word} » finit avant de commencer", "'{word}' ends before it starts"))
        };
    }
    let legal = word.len() <= 15
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    match legal || word == "*" {
        true => Ok(None),
        false => Err(say!(
            "« {word} » n'est ni un port ni un nom de port",
            "'{word}' is neither a port nor a port name"
        )),
    }
}

/// A matrix from YAML: a list of flows, alone or under `flows`, keys in French or English.
fn from_yaml(file: &Arc<str>, text: &str) -> Result<Matrix> {
    let documents = document::parse(text, file)?;
    let mut matrix = Matrix::default();
    let mut errors = Vec::new();
    for document in &documents {
        let list = document.get("flows").or_else(|| document.get("flux")).unwrap_or(document);
        let Value::List(items) = &list.value else {
            return Err(Error::input(
                &Origin::new(file, list.line),
                say!(
                    "une matrice est une liste de flux, seule ou sous « flux »",
                    "a matrix is a list of flows, alone or under 'flows'"
                ),
            ));
        };
        for item in items {
            push(&mut matrix, &mut errors, yaml_flow(file, item))?;
        }
    }
    finish(matrix, errors, file)
}

fn yaml_flow(file: &Arc<str>, item: &Node) -> Result<Flow> {
    let origin = Origin::new(file, item.line);
    let Value::Map(entries) = &item.value else {
        return Err(Error::input(
            &origin,
            say!(
                "un flux est une table avec source, destination et ports",
                "a flow is a mapping with source, destination and ports"
            ),
        ));
    };
    let mut texts: Vec<(Column, String)> = Vec::new();
    for (key, value) in entries {
        let at = Origin::new(file, value.line);
        let known = column(key).ok_or_else(|| {
            Error::input(&at, say!("un flux n'a pas de champ « {key} »", "a flow has no field '{key}'"))
        })?;
        let text = match &value.value {
            Value::Null => String::new(),
            Value::Scalar { text, .. } => text.to_string(),
            Value::List(items) => items.iter().filter_map(Node::text).collect::<Vec<_>>().join(","),
            Value::Map(_) => {
                return Err(Error::input(
                    &at,
                    say!("{key} devrait être un texte ou une liste", "{key} should be text or a list"),
                ));
            }
        };
        texts.push((known, text));
    }
    let fields = texts.iter().map(|(column, text)| (*column, text.as_str())).collect();
    flow(&fields, &origin)
}
