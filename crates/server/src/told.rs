//! What does a person see whose browser went to an address that answers with a failure?
//!
//! A link to an original that is gone, or to a provider that is no longer declared: programs get words for programs, and
//! a browser that opens the address as a page gets a page, in French or English.

use axum::http::{HeaderMap, Method, Request, header};
use axum::response::Response;
use intramuros_core::language::Language;
use intramuros_core::markup::escape;

use crate::failure::{Cause, in_other_words};

/// The language of who opens an address as a page; none for programs, and for what a page asks for by itself.
pub(crate) fn reader<T>(request: &Request<T>) -> Option<Language> {
    let headers = request.headers();
    let is = |name: &str, expected: &str| headers.get(name).is_some_and(|value| value == expected);
    let opens = *request.method() == Method::GET
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document");
    opens.then(|| language(headers))
}

/// The first of the two languages that a browser names. Browsers name them in the order of preference.
fn language(headers: &HeaderMap) -> Language {
    let accepted =
        headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut languages = accepted.split([',', ';']).map(|one| Language::from_code(one.trim()));
    languages.find(|one| *one != Language::Other).unwrap_or(Language::English)
}

/// The same failure as a page.
pub(crate) fn as_page(response: Response, language: Language) -> Response {
    let Some(cause) = response.extensions().get::<Cause>() else { return response };
    let page = page(cause, language);
    in_other_words(response, "text/html; charset=utf-8", page)
}

fn page(cause: &Cause, language: Language) -> String {
    let (code, title, home) = match language {
        Language::French => ("fr", "Cela n’a pas abouti", "Retour à la recherche"),
        _ => ("en", "This did not work", "Back to the search"),
    };
    let french = (language == Language::French).then(|| in_french(cause.kind)).flatten();
    let (message, hints) = match french {
        Some(message) => (escape(message), String::new()),
        None => (escape(&sentence(&cause.message)), list(&cause.hints)),
    };
    format!(
        "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} · Intramuros</title>\n\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"/assets/mark.svg\">\n\
         <link rel=\"stylesheet\" href=\"/assets/style.css\">\n</head>\n<body>\n<main class=\"layout\"><section class=\"list empty\">\n\
         <h1>{title}</h1>\n<p>{message}</p>\n{hints}<p><a href=\"/\">{home}</a></p>\n</section></main>\n</body>\n</html>\n"
    )
}

/// What failed, by its word; none where only the message says it.
fn in_french(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "not_found" => "Il n’y a rien à cette adresse, ou rien que vous puissiez lire.",
        "sign_in" => "Il faut être connecté pour ouvrir cette adresse.",
        "forbidden" => "Votre compte ne permet pas d’ouvrir cette adresse.",
        "too_many" | "wait" => "Trop de demandes d’un coup : attendez un instant, puis rechargez la page.",
        "busy" => "Trop de demandes attendent : rechargez la page dans un instant.",
        "slow" => "La réponse a pris trop de temps et a été abandonnée.",
        "internal" => "Un défaut s’est produit ici ; le journal du programme en donne la raison.",
        "damaged_data" => {
            "Une valeur enregistrée est abîmée ou illisible ; le journal du programme dit laquelle."
        }
        "not_recorded" => {
            "Le journal ne peut pas être écrit, et rien ne se fait sans lui : prévenez l’administrateur."
        }
        "wrong_method" => "Cette adresse ne s’ouvre pas comme une page.",
        _ => return None,
    })
}

/// A message begins with a small letter and has no stop, to stand in a line of a terminal.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn list(hints: &[String]) -> String {
    let items: String = hints.iter().map(|hint| format!("<li>{}</li>\n", escape(&sentence(hint)))).collect();
    if items.is_empty() { items } else { format!("<ul>\n{items}</ul>\n") }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_language_is_the_first_of_the_two_that_is_named() {
        let check = |accepted: &str, expected: Language| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(accepted).unwrap());
            assert_eq!(language(&headers), expected, "{accepted}");
        };
        check("fr-FR,fr;q=0.9,en;q=0.8", Language::French);
        check("de, EN-GB;q=0.9, fr;q=0.8", Language::English);
        check("de", Language::English);
        check("", Language::English);
    }

    #[test]
    fn a_page_holds_no_markup_of_a_message() {
        let cause = Cause {
            kind: "taken",
            cause: None,
            message: "`<b>x</b>` is taken".into(),
            hints: vec!["choose \"another\"".into()],
        };
        let page = page(&cause, Language::French);
        assert!(page.contains("`&lt;b&gt;x&lt;/b&gt;` is taken."), "{page}");
        assert!(page.contains("<li>Choose &quot;another&quot;.</li>"), "{page}");
    }
}
