//! What became of the filters of a question, as its writer is told it?
//!
//! Sources and folders are named from what the asker may read, and from nothing else: what is not there and what may not
//! be read are told in the same words.

use std::collections::BTreeMap;

use intramuros_core::document::Kind;
use intramuros_core::perimeter::ATTACHED;
use intramuros_search::catalogue::{Facets, Filters};
use intramuros_search::query::{Expected, NoFilter, Query};
use serde::Serialize;

/// Sources and folders named at most: a person reads one line.
const MOST_NAMED: usize = 12;

/// Something that the writer of a question should know of its filters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// A stable word for programs: `no_filter` (it was left out), `nothing_there` (nothing that may be read is in a source
    /// or folder of that name), `nothing_passes`, or `without_meaning`.
    pub code: &'static str,
    /// The filters that it is about, as they were written.
    pub filters: Vec<String>,
    /// What to tell in French.
    pub french: String,
    /// What to tell in English.
    pub english: String,
}

/// What is known of a search when its notices are written.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// The question as it was typed.
    pub question: &'a str,
    /// The same taken apart, and narrowed by what was chosen beside it.
    pub query: &'a Query,
    /// What was chosen beside it.
    pub chosen: &'a Filters,
    /// Whether it is still being typed.
    pub typing: bool,
    /// Whether the filters let nothing through.
    pub nothing_passes: bool,
    /// All that the asker may read, counted.
    pub readable: &'a Facets,
    /// Folders that it is narrowed to in which nothing may be read.
    pub empty_folders: &'a [String],
}

/// Whether names of sources and folders are to be looked up for the notices: where one of them may be the reason that
/// nothing was found, or others hide that it holds nothing.
pub(crate) fn names_matter(filters: &Filters, nothing_passes: bool) -> bool {
    let several = filters.sources.len() > 1 || filters.folders.len() > 1;
    let any = !filters.sources.is_empty() || !filters.folders.is_empty();
    any && (nothing_passes || several)
}

/// What is to be told.
pub(crate) fn notices(known: &Known<'_>) -> Vec<Notice> {
    let Known { question, query, chosen, typing, readable, .. } = *known;
    // The last one is no mistake yet while it is being typed.
    let being_typed =
        |one: &NoFilter| typing && query.unfinished && question.trim_end().ends_with(one.written.as_str());
    let mut told: Vec<Notice> =
        query.no_filters.iter().filter(|one| !being_typed(one)).map(no_filter).collect();
    if names_matter(&query.filters, known.nothing_passes) {
        let unknown = |name: &&String| name.as_str() != ATTACHED && !readable.sources.contains_key(*name);
        let sources = query.filters.sources.iter().filter(unknown);
        told.extend(sources.map(|name| no_source(name, &readable.sources)));
        told.extend(known.empty_folders.iter().map(|name| empty_folder(name, &readable.folders)));
    }
    let explained = told.iter().any(|one| one.code == "nothing_there");
    if known.nothing_passes && !explained && (query.narrows() || !chosen.is_empty()) {
        told.push(nothing_passes(&query.conditions, !chosen.is_empty()));
    }
    told
}

fn no_filter(one: &NoFilter) -> Notice {
    let written = &one.written;
    let (french, english) = match one.expected {
        Expected::Kind => {
            let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
            let kinds = kinds.join(", ");
            (
                format!("Possible : {kinds}, ou une extension comme docx ou xlsx."),
                format!("Possible: {kinds}, or an ending such as docx or xlsx."),
            )
        }
        Expected::Language => ("Possible : fr, en.".to_owned(), "Possible: fr, en.".to_owned()),
        Expected::Date => (
            "Possible : des dates comme 2024, 2024-05 ou 2024-05-17.".to_owned(),
            "Possible: dates like 2024, 2024-05 or 2024-05-17.".to_owned(),
        ),
        Expected::Name => (
            "Filtres : titre:, kind:, dossier:, source:, lang:, après:, avant:, année:.".to_owned(),
            "Filters: title:, kind:, folder:, source:, lang:, after:, before:, year:.".to_owned(),
        ),
        Expected::NoDash => (
            "Un tiret écarte un mot, pas un filtre.".to_owned(),
            "A dash keeps a word out, not a filter.".to_owned(),
        ),
    };
    Notice {
        code: "no_filter",
        filters: vec![written.clone()],
        french: format!("« {written} » ne filtre rien et a été laissé de côté. {french}"),
        english: format!("“{written}” filters nothing and was left out. {english}"),
    }
}

fn no_source(name: &str, there: &BTreeMap<String, usize>) -> Notice {
    let (french, english) = listed(there, "Sources");
    Notice {
        code: "nothing_there",
        filters: vec![name.to_owned()],
        french: format!("Aucun document que vous pouvez lire ne vient d’une source « {name} ».{french}"),
        english: format!("No document that you may read comes from a source “{name}”.{english}"),
    }
}

fn empty_folder(name: &str, there: &BTreeMap<String, usize>) -> Notice {
    let (french, _) = listed(there, "Dossiers");
    let (_, english) = listed(there, "Folders");
    Notice {
        code: "nothing_there",
        filters: vec![name.to_owned()],
        french: format!("Aucun document que vous pouvez lire n’est dans un dossier « {name} ».{french}"),
        english: format!("No document that you may read is in a folder “{name}”.{english}"),
    }
}

/// The names that there are, as a sentence in French and one in English; empty where there is none.
fn listed(there: &BTreeMap<String, usize>, of: &str) -> (String, String) {
    let mut names = there.keys().filter(|name| name.as_str() != ATTACHED);
    let mut list: Vec<&str> = names.by_ref().take(MOST_NAMED).map(String::as_str).collect();
    if list.is_empty() {
        return (String::new(), String::new());
    }
    if names.next().is_some() {
        list.push("…");
    }
    let list = list.join(", ");
    (format!(" {of} : {list}."), format!(" {of}: {list}."))
}

/// `also_chosen`: whether something was chosen beside the question.
fn nothing_passes(conditions: &[String], also_chosen: bool) -> Notice {
    let list = |chosen: &str| {
        let chosen = also_chosen.then(|| chosen.to_owned());
        conditions.iter().cloned().chain(chosen).collect::<Vec<_>>().join(", ")
    };
    let (french, english) = (list("ceux choisis à côté"), list("those chosen beside"));
    Notice {
        code: "nothing_passes",
        filters: conditions.to_vec(),
        french: format!("Aucun document que vous pouvez lire ne passe les filtres : {french}."),
        english: format!("No document that you may read passes the filters: {english}."),
    }
}

/// For a question that nothing answers, as far as its words tell.
pub(crate) fn without_meaning() -> Notice {
    Notice {
        code: "without_meaning",
        filters: Vec::new(),
        french: "Ce qui a été trouvé n’a pas encore été comparé par le sens (la lecture continue, ou le modèle des vecteurs ne \
                 répond pas) : demandez de nouveau dans un moment."
            .to_owned(),
        english: "What was found has not been compared by its meaning yet (reading goes on, or the model of the vectors does \
                  not answer): ask again in a moment."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes with the filters, and the English of all.
    fn told(question: &str, chosen: &Filters, nothing_passes: bool, typing: bool) -> (Vec<String>, String) {
        let query = Query::parse(question);
        let count = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 1)).collect();
        let readable = Facets {
            sources: count(&["drive", "rh", ATTACHED]),
            folders: count(&["contrats"]),
            ..Facets::default()
        };
        let is_empty = |name: &&String| name.as_str() != "contrats";
        let empty_folders: Vec<String> = query.filters.folders.iter().filter(is_empty).cloned().collect();
        let (query, readable, empty_folders) = (&query, &readable, &empty_folders);
        let notices =
            notices(&Known { question, query, chosen, typing, nothing_passes, readable, empty_folders });
        let codes = notices.iter().map(|one| format!("{} {}", one.code, one.filters.join(" ")));
        let english: Vec<&str> = notices.iter().map(|one| one.english.as_str()).collect();
        (codes.collect(), english.join(" "))
    }

    #[test]
    fn what_a_filter_could_not_do_is_told() {
        let check = |question: &str, nothing_passes: bool, expected: &[&str]| {
            let (codes, english) = told(question, &Filters::default(), nothing_passes, false);
            assert_eq!(codes, expected, "{question}");
            assert!(!english.contains(ATTACHED), "{english}");
        };
        check("bail kind:xyz", false, &["no_filter kind:xyz"]);
        check("bail after:hier lang:qq", false, &["no_filter after:hier", "no_filter lang:qq"]);
        check("bail source:inconnue", true, &["nothing_there inconnue"]);
        check("bail source:drive source:inconnue", false, &["nothing_there inconnue"]);
        check("bail folder:ailleurs", true, &["nothing_there ailleurs"]);
        check(
            "bail folder:contrats -stage kind:pdf",
            true,
            &["nothing_passes folder:contrats -stage kind:pdf"],
        );
        check("bail source:drive", false, &[]);
        // Nothing there at all is no matter of filters.
        check("bail", true, &[]);
    }

    #[test]
    fn what_is_possible_is_named() {
        let check = |question: &str, expected: &str| {
            let (_, english) = told(question, &Filters::default(), true, false);
            assert!(english.contains(expected), "{english}");
        };
        check("kind:xyz", "Possible: pdf, word, slides");
        check("after:hier", "dates like 2024, 2024-05 or 2024-05-17");
        check("source:inconnue", "Sources: drive, rh.");
        check("folder:ailleurs", "Folders: contrats.");
        let chosen = Filters { kinds: vec![Kind::Pdf], ..Filters::default() };
        let (codes, english) = told("bail -stage", &chosen, true, false);
        assert_eq!(codes, ["nothing_passes -stage"]);
        assert!(english.ends_with("passes the filters: -stage, those chosen beside."), "{english}");
    }

    #[test]
    fn a_filter_that_is_being_typed_is_no_mistake_yet() {
        let check = |question: &str, typing: bool, expected: usize| {
            let (codes, _) = told(question, &Filters::default(), false, typing);
            assert_eq!(codes.len(), expected, "{question}");
        };
        check("bail kind:pd", true, 0);
        check("bail kind:pd", false, 1);
        check("bail kind:pd ", true, 1);
        check("kind:pd bail", true, 1);
    }
}
