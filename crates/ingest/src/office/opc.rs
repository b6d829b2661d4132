//! Which part of an OOXML package plays which role, and to which other parts does it point?

use std::collections::HashMap;

use intramuros_core::document::{ExtractError, Extracted, Part};

use super::package::Package;
use super::properties;
use super::xml::Node;
use crate::Budget;

/// One relationship of a part.
#[derive(Clone, Debug)]
struct Relation {
    /// The last word of its type: `header`, `slide`, `comments`…
    role: String,
    /// The name of the part it points to.
    target: String,
}

/// The relationships of a part that stay inside the package, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    list: Vec<Relation>,
    by_id: HashMap<String, usize>,
}

impl Relations {
    /// Reads the relationships of `part`; none when it has none. The package itself is the part named "".
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn of(package: &Package<'_>, part: &str) -> Result<Relations, ExtractError> {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let name = if folder.is_empty() {
            format!("_rels/{file}.rels")
        } else {
            format!("{folder}/_rels/{file}.rels")
        };
        let mut relations = Relations::default();
        let Some(mut xml) = package.xml(&name)? else { return Ok(relations) };
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            if tag.local() != "Relationship"
                || tag.attribute("TargetMode").is_some_and(|mode| mode == "External")
            {
                continue;
            }
            let (Some(id), Some(role), Some(target)) =
                (tag.attribute("Id"), tag.attribute("Type"), tag.attribute("Target"))
            else {
                continue;
            };
            let role = role.rsplit('/').next().unwrap_or_default().to_owned();
            relations.by_id.insert(id.into_owned(), relations.list.len());
            relations.list.push(Relation { role, target: resolve(folder, &target) });
        }
        Ok(relations)
    }

    /// The part that an identifier stands for.
    pub fn target(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).and_then(|&index| self.list.get(index)).map(|relation| relation.target.as_str())
    }

    /// The first part that plays a role.
    pub fn first(&self, role: &str) -> Option<&str> {
        self.list.iter().find(|relation| relation.role == role).map(|relation| relation.target.as_str())
    }

    /// All parts that play a role, in the order of the file.
    pub fn all<'r>(&'r self, role: &'r str) -> impl Iterator<Item = &'r str> {
        self.list
            .iter()
            .filter(move |relation| relation.role == role)
            .map(|relation| relation.target.as_str())
    }
}

/// The main part: the one the package names, or the usual one.
///
/// # Errors
/// Corrupt when there is none.
pub fn main_part(package: &Package<'_>, usual: &str) -> Result<String, ExtractError> {
    let declared = Relations::of(package, "")?.first("officeDocument").map(str::to_owned);
    let part = declared.filter(|part| package.has(part)).unwrap_or_else(|| usual.to_owned());
    if package.has(&part) {
        Ok(part)
    } else {
        Err(ExtractError::Corrupt(format!("the main part \u{201c}{part}\u{201d} is missing")))
    }
}

/// Reads title, author and dates. A damaged properties part loses only them.
///
/// # Errors
/// When a limit is reached.
pub fn read_properties(package: &Package<'_>, extracted: &mut Extracted) -> Result<(), ExtractError> {
    let declared = Relations::of(package, "")
        .ok()
        .and_then(|relations| relations.first("core-properties").map(str::to_owned));
    let part = declared.unwrap_or_else(|| "docProps/core.xml".to_owned());
    let read = match package.xml(&part) {
        Ok(Some(xml)) => properties::read(xml, extracted),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    tolerate(read, "the document's properties", extracted)
}

/// Lets a damaged secondary part become a warning; limits stay errors.
///
/// # Errors
/// Limits.
pub fn tolerate(
    read: Result<(), ExtractError>,
    what: &str,
    extracted: &mut Extracted,
) -> Result<(), ExtractError> {
    match read {
        Ok(()) => Ok(()),
        Err(error @ (ExtractError::Limit(_) | ExtractError::Time(_))) => Err(error),
        Err(error) => {
            extracted.warnings.push(format!("{what} could not be read: {error}"));
            Ok(())
        }
    }
}

/// The pages that the producer counted, from `docProps/app.xml`.
pub fn declared_pages(package: &Package<'_>) -> Option<u32> {
    let mut xml = package.xml("docProps/app.xml").ok()??;
    while let Ok(Some(node)) = xml.next() {
        if matches!(node, Node::Open(tag) if tag.local() == "Pages") {
            return xml.text().ok()?.trim().parse().ok();
        }
    }
    None
}

/// Reads the files that are embedded in a part: packages, old compound files and what OLE wraps.
///
/// # Errors
/// Limits that concern the whole file.
pub fn read_embedded(
    package: &Package<'_>,
    relations: &Relations,
    budget: &Budget<'_>,
    extracted: &mut Extracted,
) -> Result<(), ExtractError> {
    for role in ["package", "oleObject", "aFChunk"] {
        for target in relations.all(role) {
            if extracted.parts.iter().any(|part| part.name == part_file(target)) {
                continue;
            }
            match package.bytes(target) {
                Ok(Some(bytes)) => {
                    extracted.parts.extend(super::ole::read_object(part_file(target), &bytes, budget))
                }
                Ok(None) => {}
                Err(error @ ExtractError::Limit(_)) => return Err(error),
                Err(error) => {
                    extracted.parts.push(Part::new(part_file(target), Err(error)));
                }
            }
        }
    }
    Ok(())
}

fn part_file(target: &str) -> &str {
    target.rsplit('/').next().unwrap_or(target)
}

/// The name of a part from a target that may be relative.
fn resolve(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let mut segments: Vec<&str> =
        if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments.join("/")
}
