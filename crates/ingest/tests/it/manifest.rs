//! Does every file of the manifest give its phrase, or end in its right reason, in time, through real workers?

use std::time::{Duration, Instant};

use intramuros_core::document::{ExtractError, Extracted, Limits};

use intramuros_ingest::render::render;

use crate::data;

struct Row {
    file: String,
    kind: String,
    expected: String,
}

fn rows(table: &str) -> Vec<Row> {
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let column = |name: &str| header.iter().position(|title| *title == name).unwrap();
    let (file, kind, expected) = (column("file"), column("kind"), column("expected"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            Row {
                file: cells[file].to_owned(),
                kind: cells[kind].to_owned(),
                expected: cells[expected].to_owned(),
            }
        })
        .collect()
}

/// What is wrong with this outcome; none when it is right.
fn fault(row: &Row, outcome: &Result<Extracted, ExtractError>) -> Option<String> {
    let phrase: String = row.expected.chars().filter(|character| !character.is_whitespace()).collect();
    let right = match (row.kind.as_str(), outcome) {
        ("ok", Ok(_)) if row.expected.starts_with("(no phrase") => true,
        // As it is searched, or as it is shown (marks of Markdown and CSV).
        ("ok", Ok(extracted)) => {
            let shown: String =
                render(extracted).chars().filter(|character| !character.is_whitespace()).collect();
            data::squeezed(extracted).contains(&phrase) || shown.contains(&phrase)
        }
        ("encrypted", Err(ExtractError::Encrypted(_))) => {
            !row.expected.contains("readable without a password")
        }
        // What opens without asking for a password may be read.
        ("encrypted", Ok(extracted)) => {
            (row.expected.contains("without asking") || row.expected.contains("without a password"))
                && !extracted.text().is_empty()
                // Some members only may be locked; they are listed with their reason.
                || extracted.parts.iter().any(|part| matches!(part.outcome, Err(ExtractError::Encrypted(_))))
        }
        ("corrupt", Err(ExtractError::Corrupt(_))) => true,
        // What can be read of a damaged file is of more use than the reason why the rest can't.
        ("corrupt", Ok(extracted)) => extracted.text().len() > 200,
        ("bomb", Err(ExtractError::Limit(_) | ExtractError::Corrupt(_))) => true,
        ("bomb", Ok(extracted)) => data::squeezed(extracted).len() < 64 << 20,
        ("ocr", Err(ExtractError::NeedsOcr(_))) => true,
        // Someone else's OCR left its text in the file.
        ("ocr", Ok(extracted)) => extracted.pictures.is_empty() && !extracted.text().is_empty(),
        _ => false,
    };
    if right {
        return None;
    }
    Some(match outcome {
        Ok(extracted) => {
            let start: String = extracted.text().chars().take(150).collect();
            format!("read without {:?}: {start:?} {:?}", row.expected, extracted.warnings)
        }
        Err(error) => format!("{error:?}"),
    })
}

#[test]
fn every_file_of_the_manifest_is_read_or_refused_for_its_reason() {
    let Some(table) = intramuros_testkit::shared_data("documents-manifest.tsv") else { return };
    let Some(folder) = intramuros_testkit::shared_data("documents") else { return };
    let limits = Limits { pictures: 0, ..Limits::default() };
    let pool = data::pool(limits.clone());
    let mut faults = Vec::new();
    let mut counts = std::collections::BTreeMap::<String, (usize, usize)>::new();
    for row in rows(&std::fs::read_to_string(table).unwrap()) {
        let bytes = std::fs::read(folder.join(&row.file)).unwrap();
        let start = Instant::now();
        let outcome = pool.extract(&row.file, &bytes);
        let took = start.elapsed();
        let count = counts.entry(row.kind.clone()).or_default();
        count.1 += 1;
        let fault = fault(&row, &outcome)
            .or_else(|| (took > limits.time + Duration::from_secs(1)).then(|| format!("took {took:?}")));
        match fault {
            None => count.0 += 1,
            Some(fault) => faults.push(format!("{:9} {}: {fault}", row.kind, row.file)),
        }
    }
    for (kind, (right, all)) in &counts {
        println!("{kind:9} {right} of {all}");
    }
    assert!(faults.is_empty(), "{} files are wrong:\n{}", faults.len(), faults.join("\n"));
}
