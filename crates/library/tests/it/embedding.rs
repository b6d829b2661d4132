//! Does one huge document keep the meaning of all others waiting, and is who asks before it is there told so?

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_core::vector::Calibration;
use intramuros_library::{Embed, Library, Options, SearchOptions};

use crate::support::{LONG, scan, scene};

/// A model that remembers in which order texts came to it.
#[derive(Default)]
struct Remembering {
    came: Mutex<Vec<String>>,
}

impl Embed for Remembering {
    fn name(&self) -> &str {
        "remembering-for-tests/1"
    }

    fn query(&self, _: &str) -> Result<Vec<f32>, Error> {
        Ok(vec![1.0, 0.0])
    }

    fn passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        self.came.lock().unwrap().extend(texts.iter().map(|text| (*text).to_owned()));
        Ok(texts.iter().map(|_| vec![1.0, 0.0]).collect())
    }
}

#[test]
fn the_beginning_of_every_document_comes_before_the_rest_of_a_huge_one() {
    let records: String = (0..2_000).map(|number| format!("enregistrement {number}\n")).collect();
    let scene = scene(&[("a/export.txt", &records)]);
    let words_alone = || Library::open(Options { embed: None, ..scene.options() }).unwrap();
    scan(&words_alone());
    // Acknowledged after the export, as everything is that comes later.
    scene.write("z/note.txt", "une note de trois lignes\n");
    scan(&words_alone());

    let model = Arc::new(Remembering::default());
    let embed: Arc<dyn Embed> = Arc::clone(&model) as Arc<dyn Embed>;
    let library = Library::open(Options { embed: Some(embed), ..scene.options() }).unwrap();
    assert!(library.wait_for_vectors(LONG).unwrap());
    let came = model.came.lock().unwrap();
    assert_eq!(came.len(), 2_001, "each text once");
    let note = came.iter().position(|text| text.contains("une note")).unwrap();
    assert!(note < 600, "the note came after {note} of 2,001 texts");
}

/// A model that gives questions their vectors, and does not come to the passages as long as the other end is held.
struct Late(Mutex<Receiver<()>>);

impl Embed for Late {
    fn name(&self) -> &str {
        "late-for-tests/1"
    }

    fn calibration(&self) -> Option<Calibration> {
        Some(Calibration { near: 0.484, across_languages: 0.0 })
    }

    fn query(&self, _: &str) -> Result<Vec<f32>, Error> {
        Ok(vec![1.0, 0.0])
    }

    fn passages(&self, _: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let _ = self.0.lock().unwrap().recv();
        Err(Error::user("too late"))
    }
}

#[test]
fn who_is_not_answered_before_meaning_is_there_is_told_so() {
    let scene = scene(&[("a.txt", "un chat noir dort sur le toit")]);
    let check = |late: bool, question: &str, expected: (bool, &[&str])| {
        let (held, waits) = channel();
        let embed = late.then(|| Arc::new(Late(Mutex::new(waits))) as Arc<dyn Embed>);
        let library = Library::open(Options { embed, ..scene.options() }).unwrap();
        library.scan("papers").unwrap();
        assert!(library.wait_for_words(LONG).unwrap());
        let asked = library.ask(&Principal::owner(), question, &SearchOptions::default()).unwrap();
        let codes: Vec<&str> = asked.results.notices.iter().map(|notice| notice.code).collect();
        assert_eq!((asked.found, codes.as_slice()), expected, "{question}");
        drop(held);
    };
    let unknown = "Pourquoi le chat mange-t-il la souris grise du voisin ?";
    check(true, unknown, (false, &["without_meaning"]));
    check(true, "chat noir dort toit", (true, &[]));
    // Where no model is there nothing is to be waited for.
    check(false, unknown, (false, &[]));
}
