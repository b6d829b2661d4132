//! May the file itself be had, and how is it handed out so that nothing in it runs?

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path as FilePath;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_library::Library;
use intramuros_store::{DocumentId, Stamp};
use serde::Serialize;
use tokio_util::io::ReaderStream;
use utoipa::ToSchema;

use super::documents::{document_id, refused};
use crate::application::Shared;
use crate::failure::{Failure, FailureBody};
use crate::guard::Asker;
use crate::limits::MAX_DRAWN_BYTES;
use crate::record;

/// Files that are handed out may do nothing, wherever they are opened.
const SANDBOX: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

/// For PDF alone: browsers refuse to show one in a sandbox, and their viewers run nothing of it with our rights.
const PDF_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'";

/// Bytes in which a PDF says that it is one.
const PDF_SIGN: &[u8] = b"%PDF-";

/// Bytes read from the disk at once.
const CHUNK: usize = 64 << 10;

/// The file of a document.
#[derive(Serialize, ToSchema)]
pub(crate) struct OriginalView {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Whether browsers show it (PDF) or keep it (everything else).
    pub inline: bool,
    /// Whether its pages can be looked at.
    pub drawn: bool,
}

/// The file that a document was read from, as it was read: a file that changed since, or that stands inside a
/// container, is not handed out.
#[utoipa::path(
    get, path = "/api/v1/documents/{id}/original", tag = "documents",
    params(("id" = i64, Path, description = "Number of the document")),
    responses(
        (status = 200, description = "The file: PDF to be shown, everything else to be kept",
         content_type = "application/octet-stream"),
        (status = 404, description = "There is none, it may not be read, or it changed", body = FailureBody),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn original(
    State(shared): State<Arc<Shared>>,
    Asker(principal): Asker,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = document_id(&id)?;
    let by = record::name(&principal);
    let found = shared
        .call(move |library| Ok((library.document_facts(&principal, id)?, open(library, &principal, id)?)))
        .await?;
    match found {
        (Some(facts), Some(original)) => {
            shared.note(record::read(by, &facts.source, &facts.path, "download")).await?;
            Ok(respond(original))
        }
        (Some(_), None) => Err(Failure::no_original("the file is not there as it was read")
            .hint("it changed, moved, or stands inside another file; the next reading shows it")),
        (None, _) => Err(refused(&shared, by, id).await),
    }
}

/// What the document's page says about the file; `draws` says whether pages are drawn here.
pub(crate) fn original_view(
    library: &Library,
    principal: &Principal,
    id: DocumentId,
    draws: bool,
) -> Result<Option<OriginalView>, Error> {
    let original = open(library, principal, id)?;
    Ok(original.map(|original| OriginalView {
        drawn: draws && original.pdf && original.size <= MAX_DRAWN_BYTES,
        name: original.name,
        size: original.size,
        inline: original.pdf,
    }))
}

/// The file of a document, open, as it was read.
pub(super) struct Original {
    pub file: File,
    pub name: String,
    pub size: u64,
    /// Hash of its content.
    pub hash: [u8; 32],
    pub pdf: bool,
}

/// Opens the file of a document. The stamp is taken from the open file, so that no other can take its place.
pub(super) fn open(
    library: &Library,
    principal: &Principal,
    id: DocumentId,
) -> Result<Option<Original>, Error> {
    let Some(path) = library.file_of(principal, id)? else { return Ok(None) };
    let store = library.store();
    let Some(document) = store.document(id)?.filter(|document| document.part.is_empty()) else {
        return Ok(None);
    };
    let Some(known) = store.file(document.file)? else { return Ok(None) };
    // What is kept in the data folder has no date of its own: its content tells that it is the same.
    let kept = path.starts_with(store.folder());
    let unchanged = |file: &mut File, metadata: &Metadata| match kept {
        true => has_content(file, &known.content_hash),
        false => is_unchanged(metadata, &known.stamp),
    };
    let name = document.location.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    Ok(open_unchanged(&path, unchanged).map(|(file, pdf)| Original {
        file,
        name: String::from_utf8_lossy(name).into_owned(),
        size: known.stamp.size,
        hash: known.content_hash,
        pdf,
    }))
}

fn open_unchanged(path: &FilePath, unchanged: impl Fn(&mut File, &Metadata) -> bool) -> Option<(File, bool)> {
    // A pipe would wait for its other end: look before opening, and again at what was opened.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || !unchanged(&mut file, &metadata) {
        return None;
    }
    let mut start = [0; PDF_SIGN.len()];
    let pdf = file.read_exact(&mut start).is_ok() && start == PDF_SIGN;
    std::io::Seek::rewind(&mut file).ok()?;
    Some((file, pdf))
}

fn has_content(file: &mut File, known: &[u8; 32]) -> bool {
    let mut hasher = blake3::Hasher::new();
    let read = hasher.update_reader(&mut *file).is_ok();
    read && hasher.finalize().as_bytes() == known && std::io::Seek::rewind(file).is_ok()
}

#[cfg(unix)]
fn is_unchanged(metadata: &Metadata, known: &Stamp) -> bool {
    use std::os::unix::fs::MetadataExt;
    let modified_ns = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    metadata.len() == known.size && modified_ns == known.modified_ns && metadata.ino() == known.inode
}

#[cfg(not(unix))]
fn is_unchanged(metadata: &Metadata, known: &Stamp) -> bool {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let modified_ns = since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0);
    metadata.len() == known.size && modified_ns == known.modified_ns
}

fn respond(original: Original) -> Response {
    let Original { file, name, size, pdf, .. } = original;
    let (kind, policy, way) = if pdf {
        ("application/pdf", PDF_POLICY, "inline")
    } else {
        ("application/octet-stream", SANDBOX, "attachment")
    };
    let reader = tokio::io::AsyncReadExt::take(tokio::fs::File::from_std(file), size);
    let body = Body::from_stream(ReaderStream::with_capacity(reader, CHUNK));
    let disposition = format!("{way}; filename*=UTF-8''{}", percent_encoded(&name));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

/// A file name as RFC 8187 writes it.
fn percent_encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_not_break_out_of_their_header() {
        let check = |name: &str, expected: &str| assert_eq!(percent_encoded(name), expected);
        check("bail-2024.pdf", "bail-2024.pdf");
        check("été \"1\".pdf", "%C3%A9t%C3%A9%20%221%22.pdf");
        check("a\r\nb", "a%0D%0Ab");
    }
}
