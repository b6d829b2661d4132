//! Is all that a page draws in the file, and undamaged?
//!
//! The interpreter draws what it can unpack, up to the damage, and says nothing of the rest.

use std::io;

use flate2::read::DeflateDecoder;
use hayro::hayro_syntax::Filter;
use hayro::hayro_syntax::object::{MaybeRef, Object, Stream};
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::xref::XRef;

/// Whether the page's content is there and can be unpacked to its end. A page may have none.
pub(super) fn is_whole(page: &Page<'_>) -> bool {
    let Some(contents) = page.raw().get_raw::<Object<'_>>(b"Contents") else { return true };
    let xref = page.xref();
    match resolved(contents, xref) {
        Some(Object::Array(pieces)) => pieces.raw_iter().all(|piece| is_sound(resolved(piece, xref))),
        contents => is_sound(contents),
    }
}

fn resolved<'a>(item: MaybeRef<Object<'a>>, xref: &'a XRef) -> Option<Object<'a>> {
    match item {
        MaybeRef::Ref(place) => xref.get::<Object<'a>>(place.into()),
        MaybeRef::NotRef(object) => Some(object),
    }
}

fn is_sound(content: Option<Object<'_>>) -> bool {
    match content {
        Some(Object::Stream(stream)) => unpacks(&stream),
        // Said to be nothing.
        Some(Object::Null(_)) => true,
        _ => false,
    }
}

fn unpacks(stream: &Stream<'_>) -> bool {
    match stream.filters().as_slice() {
        [] => true,
        [Filter::FlateDecode] => inflates(&stream.raw_data()),
        [Filter::FlateDecode, ..] if !inflates(&stream.raw_data()) => false,
        _ => stream.decoded_data().is_ok(),
    }
}

/// Whether packed bytes lead to the end that they announce. What they hold is thrown away, so that its size costs time
/// alone. The checksum behind the end isn't looked at: it is often wrong where nothing else is.
fn inflates(packed: &[u8]) -> bool {
    let body = match packed {
        [method, check, body @ ..] if is_zlib(*method, *check) => body,
        _ => packed,
    };
    packed.is_empty() || io::copy(&mut DeflateDecoder::new(body), &mut io::sink()).is_ok()
}

/// Whether these are the two bytes that zlib puts before what it packed.
fn is_zlib(method: u8, check: u8) -> bool {
    method & 0x0f == 8 && u16::from_be_bytes([method, check]).is_multiple_of(31)
}
