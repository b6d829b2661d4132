//! What is in this electronic book, chapter by chapter?

use std::collections::HashMap;

use intramuros_core::document::{ExtractError, Extracted, Kind};
use intramuros_core::language::Language;

use super::package::{self, Package};
use crate::Budget;
use crate::archive::zip::{self, Zip};
use crate::text::writer::{Writer, in_section};
use crate::text::{date, html};

/// Ways of scrambling fonts, which leave the text readable.
const FONT_SCRAMBLING: [&str; 2] = ["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"];

/// Reads EPUB 2 and 3: the chapters in reading order; each block's section is the title of its chapter.
///
/// # Errors
/// When it is no book, when it is protected, when its pages are pictures, or a limit is reached.
pub fn extract(_name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let mut book = Book::open(bytes, budget)?;
    if let Some(encryption) = book.text("META-INF/encryption.xml")? {
        refuse_protected(&encryption)?;
    }
    let container = book.required("META-INF/container.xml")?;
    let path = package::root_file(&container).ok_or_else(|| {
        ExtractError::Corrupt("the book does not say where its contents are listed".to_owned())
    })?;
    let package = Package::read(&book.required(&path)?, &path);
    budget.check_pages(package.spine.len())?;
    let mut writer = Writer::new(Kind::Book, budget);
    describe(&package, &mut writer);
    let titles = titles(&mut book, &package)?;
    let mut missing = 0;
    for chapter in &package.spine {
        let Some(page) = book.page(chapter)? else {
            missing += 1;
            continue;
        };
        let empty = HashMap::new();
        let titles = titles.get(chapter).unwrap_or(&empty);
        let first = titles.get("").cloned().unwrap_or_default();
        html::write_chapter(&page, &in_section(&first), titles, &mut writer, budget)?;
    }
    if missing > 0 {
        writer.warn(format!("{missing} chapters are listed but not in the book"));
    }
    if writer.is_empty() && package.has_pictures {
        return Err(ExtractError::NeedsOcr("the pages of the book are pictures".to_owned()));
    }
    writer.finish()
}

/// The files of a book, found by their names.
struct Book<'a, 'b> {
    zip: Zip<'a>,
    by_name: HashMap<String, usize>,
    budget: &'b Budget<'b>,
}

impl<'a, 'b> Book<'a, 'b> {
    fn open(bytes: &'a [u8], budget: &'b Budget<'b>) -> Result<Self, ExtractError> {
        let zip = zip::open(bytes)?;
        let names = zip::names(&zip);
        let by_name = names.into_iter().enumerate().map(|(index, name)| (name, index)).collect();
        Ok(Book { zip, by_name, budget })
    }

    fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, ExtractError> {
        let Some(index) = self.by_name.get(name).copied() else { return Ok(None) };
        zip::read(&mut self.zip, index, self.budget).map(Some)
    }

    fn page(&mut self, name: &str) -> Result<Option<String>, ExtractError> {
        match self.bytes(name)? {
            Some(bytes) if !bytes.is_empty() => html::decode(&bytes).map(Some),
            _ => Ok(None),
        }
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, ExtractError> {
        self.page(name)
    }

    fn required(&mut self, name: &str) -> Result<String, ExtractError> {
        self.text(name)?.ok_or_else(|| ExtractError::Corrupt(format!("the book lacks {name}")))
    }
}

/// Refuses books whose text is encrypted; scrambled fonts do no harm.
fn refuse_protected(encryption: &str) -> Result<(), ExtractError> {
    let methods = package::attributes(encryption, "EncryptionMethod", "Algorithm");
    // The key of an encrypted key has a method too, so any other method means protected text.
    if methods.iter().all(|method| FONT_SCRAMBLING.contains(&method.as_str())) {
        return Ok(());
    }
    Err(ExtractError::Encrypted("the book is protected by digital rights management".to_owned()))
}

fn describe(package: &Package, writer: &mut Writer<'_>) {
    writer.title(&package.title);
    writer.author(&package.authors.join(", "));
    writer.document().written_ms = date::parse_iso(&package.date);
    if !package.language.is_empty() {
        writer.document().language = Some(Language::from_code(&package.language));
    }
}

/// The titles of chapters by file and anchor within it; the anchor of a whole file is empty.
fn titles(
    book: &mut Book<'_, '_>,
    package: &Package,
) -> Result<HashMap<String, HashMap<String, String>>, ExtractError> {
    let mut titles: HashMap<String, HashMap<String, String>> = HashMap::new();
    for (path, read) in [
        (&package.navigation, package::navigation_links as fn(&str) -> Vec<(String, String)>),
        (&package.old_navigation, package::old_navigation_links),
    ] {
        let Some(path) = path else { continue };
        let Some(text) = book.text(path)? else { continue };
        for (target, title) in read(&text) {
            let (file, anchor) = target.split_once('#').unwrap_or((target.as_str(), ""));
            let file = package::resolve(path, file);
            titles.entry(file).or_default().entry(anchor.to_owned()).or_insert(title);
        }
        if !titles.is_empty() {
            break;
        }
    }
    Ok(titles)
}
