//! What does a sheet hide from its reader? Hidden rows and columns, and merged cells: calamine gives their values as
//! if they stood there in the open, so the sheet's own text is asked.

use crate::error::{Error, Origin, Result};
use crate::language::say;
use std::io::{Cursor, Read};
use std::sync::Arc;

/// The last row and the last column of a sheet: what spans all of them.
const ALL: (u32, u32) = (1, u32::MAX);

/// Something that a reader does not see as it is read. It matters from the heading row on and in columns that are read.
#[derive(Debug)]
pub struct Concealed {
    /// First and last row, from 1.
    pub rows: (u32, u32),
    /// First and last column, from 1.
    pub columns: (u32, u32),
    /// What to say.
    pub error: Error,
}

type Archive<'a> = zip::ZipArchive<Cursor<&'a [u8]>>;

/// Everything that a sheet conceals; `sheet` counts from 0 in the order of the workbook.
///
/// Errors: the text of the sheet is not where it should be.
pub fn concealed(
    file: &Arc<str>,
    archive: &mut Archive<'_>,
    ods: bool,
    sheet: usize,
) -> Result<Vec<Concealed>> {
    let whole = Origin::new(file, 0);
    let lost = || {
        Error::input(
            &whole,
            say!("le texte de la feuille est introuvable", "the text of the sheet cannot be found"),
        )
    };
    if ods {
        let text = part(archive, "content.xml").ok_or_else(lost)?;
        let table = text.split("<table:table ").nth(sheet + 1).ok_or_else(lost)?;
        return Ok(of_ods(&whole, table));
    }
    let name = xlsx_part(archive, sheet).ok_or_else(lost)?;
    let text = part(archive, &name).ok_or_else(lost)?;
    Ok(of_xlsx(&whole, &text))
}

fn part(archive: &mut Archive<'_>, name: &str) -> Option<String> {
    let mut text = String::new();
    archive.by_name(name).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

/// The part that holds a sheet, through the workbook's relations.
fn xlsx_part(archive: &mut Archive<'_>, sheet: usize) -> Option<String> {
    let workbook = part(archive, "xl/workbook.xml")?;
    let tag = tags(&workbook).filter(|tag| named(tag, "sheet")).nth(sheet)?;
    let id = attribute(tag, "r:id").or_else(|| attribute(tag, "relationships:id"))?;
    let relations = part(archive, "xl/_rels/workbook.xml.rels")?;
    let relation = tags(&relations)
        .find(|tag| named(tag, "Relationship") && attribute(tag, "Id") == Some(id))
        .and_then(|tag| attribute(tag, "Target"))?;
    Some(match relation.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("xl/{relation}"),
    })
}

fn tags(text: &str) -> impl Iterator<Item = &str> {
    text.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default())
}

/// Whether a tag has this name, with or without a prefix.
fn named(tag: &str, name: &str) -> bool {
    let own = tag.split([' ', '/', '\n', '\r', '\t']).next().unwrap_or_default();
    own.rsplit(':').next() == Some(name)
}

fn attribute<'t>(tag: &'t str, key: &str) -> Option<&'t str> {
    let mut rest = tag;
    while let Some(at) = rest.find(key) {
        let (before, after) = (&rest[..at], &rest[at + key.len()..]);
        let value = after.trim_start().strip_prefix('=').map(str::trim_start);
        if let Some(value) = value.filter(|_| before.ends_with(char::is_whitespace)) {
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            return value[1..].split(quote).next();
        }
        rest = after;
    }
    None
}

fn number(tag: &str, key: &str) -> Option<u32> {
    attribute(tag, key)?.parse().ok()
}

fn of_xlsx(whole: &Origin, text: &str) -> Vec<Concealed> {
    let mut found = Vec::new();
    let mut row = 0;
    let is_hidden = |tag: &str| matches!(attribute(tag, "hidden"), Some("1" | "true"));
    for tag in tags(text) {
        if named(tag, "row") {
            row = number(tag, "r").unwrap_or(row + 1);
            if is_hidden(tag) {
                found.push(hidden_row(whole, (row, row)));
            }
        } else if named(tag, "col") && is_hidden(tag) {
            let columns = (number(tag, "min").unwrap_or(1), number(tag, "max").unwrap_or(u32::MAX));
            found.push(hidden_column(whole, columns));
        } else if named(tag, "mergeCell") {
            let range = attribute(tag, "ref").unwrap_or_default();
            let row_of = |cell: &str| cell.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().ok();
            let (first, last) = range.split_once(':').unwrap_or((range, range));
            let rows = (row_of(first).unwrap_or(1), row_of(last).unwrap_or(u32::MAX));
            found.push(merged(whole, rows, &format!(" ({range})")));
        }
    }
    found
}

fn of_ods(whole: &Origin, table: &str) -> Vec<Concealed> {
    let mut found = Vec::new();
    let (mut row, mut next_row, mut column) = (0u32, 1u32, 1u32);
    let is_hidden = |tag: &str| matches!(attribute(tag, "table:visibility"), Some("collapse" | "filter"));
    for tag in tags(table) {
        if named(tag, "table-row") {
            row = next_row;
            let count = number(tag, "table:number-rows-repeated").unwrap_or(1);
            next_row = row.saturating_add(count);
            // Sheets end in a million empty rows that are repeated, and often hidden: nothing can stand there.
            if is_hidden(tag) && !(tag.ends_with('/') || count > super::sheet::MAX_ROWS as u32) {
                found.push(hidden_row(whole, (row, next_row - 1)));
            }
        } else if named(tag, "table-column") {
            let count = number(tag, "table:number-columns-repeated").unwrap_or(1);
            if is_hidden(tag) {
                found.push(hidden_column(whole, (column, column.saturating_add(count - 1))));
            }
            column = column.saturating_add(count);
        } else if named(tag, "table-cell") {
            let rows = number(tag, "table:number-rows-spanned").unwrap_or(1);
            let columns = number(tag, "table:number-columns-spanned").unwrap_or(1);
            if rows > 1 || columns > 1 {
                let place = say!(" (ligne {row})", " (row {row})");
                found.push(merged(whole, (row, row.saturating_add(rows - 1)), &place));
            }
        }
    }
    found
}

fn hidden_row(whole: &Origin, rows: (u32, u32)) -> Concealed {
    let row = rows.0;
    let error =
        Error::input(whole, say!("une ligne est masquée (ligne {row})", "a row is hidden (row {row})")).hint(
            say!(
                "afficher toutes les lignes et ôter les filtres, ou effacer ce qui n'est pas autorisé",
                "show all rows and clear filters, or delete what is not authorised"
            ),
        );
    Concealed { rows, columns: ALL, error }
}

fn hidden_column(whole: &Origin, columns: (u32, u32)) -> Concealed {
    let letters = super::sheet::cell_name(0, columns.0.saturating_sub(1) as usize);
    let letters = letters.trim_end_matches('1');
    let error =
        Error::input(whole, say!("la colonne {letters} est masquée", "the column {letters} is hidden")).hint(
            say!(
                "afficher toutes les colonnes, ou effacer celles qui ne comptent pas",
                "show all columns, or delete those that do not count"
            ),
        );
    Concealed { rows: ALL, columns, error }
}

fn merged(whole: &Origin, rows: (u32, u32), place: &str) -> Concealed {
    let error = Error::input(whole, say!("des cellules sont fusionnées{place}", "cells are merged{place}"))
        .hint(say!(
            "les séparer et répéter la valeur sur chaque ligne qu'elle concerne",
            "split them and repeat the value on every row that it is meant for"
        ));
    Concealed { rows, columns: ALL, error }
}
