//! What does the query string ask for, and is it within the limits?

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use intramuros_core::document::Kind;
use intramuros_core::language::Language;
use intramuros_search::calendar;
use intramuros_search::catalogue::Filters;
use intramuros_search::query::is_visible;

use crate::failure::Failure;
use crate::limits::{MAX_PARAMETERS, MAX_QUESTION_BYTES, MAX_VALUE_BYTES, MAX_VALUES};

/// The parameters of a request, in their order. Each is taken out once; what is left over is a mistake.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Parameters, Failure> {
        let read: Result<Query<Vec<(String, String)>>, QueryRejection> =
            Query::from_request_parts(parts, state).await;
        let Query(pairs) = read.map_err(|_| Failure::bad_request("the query string can't be read"))?;
        if pairs.len() > MAX_PARAMETERS {
            return Err(Failure::bad_request(format!("more than {MAX_PARAMETERS} parameters")));
        }
        Ok(Parameters(pairs))
    }
}

impl Parameters {
    /// All values of a parameter, at most [`MAX_VALUES`], each at most [`MAX_VALUE_BYTES`] long.
    fn all(&mut self, name: &str) -> Result<Vec<String>, Failure> {
        let values = self.take(name);
        if values.len() > MAX_VALUES {
            return Err(Failure::bad_request(format!("`{name}` is given more than {MAX_VALUES} times")));
        }
        if values.iter().any(|value| value.len() > MAX_VALUE_BYTES) {
            return Err(Failure::bad_request(format!("`{name}` is too long")));
        }
        Ok(values)
    }

    /// The value of a parameter that may be given once.
    pub fn one(&mut self, name: &str) -> Result<Option<String>, Failure> {
        let mut values = self.take(name);
        if values.len() > 1 {
            return Err(Failure::bad_request(format!("`{name}` is given more than once")));
        }
        Ok(values.pop())
    }

    fn take(&mut self, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        self.0.retain_mut(|(key, value)| {
            if key == name {
                values.push(std::mem::take(value));
            }
            key != name
        });
        values
    }

    /// A whole number from `least` to `most`.
    pub fn number(&mut self, name: &str, least: u64, most: u64) -> Result<Option<u64>, Failure> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        match value.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(Failure::bad_request(format!("`{name}` is a whole number from {least} to {most}"))),
        }
    }

    /// `true` or `false`; false when it is not given.
    pub fn flag(&mut self, name: &str) -> Result<bool, Failure> {
        match self.one(name)?.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Failure::bad_request(format!("`{name}` is `true` or `false`"))),
        }
    }

    /// The question of whoever wants an answer: one in which nothing can be seen is as one that is not given.
    pub fn visible_question(&mut self) -> Result<String, Failure> {
        let question = self.question()?;
        check_question(&question).map_err(as_parameter)?;
        Ok(question)
    }

    /// The question; empty for whoever begins to type.
    pub fn question(&mut self) -> Result<String, Failure> {
        let question = self.one("q")?.ok_or_else(|| as_parameter(no_question()))?;
        if question.len() > MAX_QUESTION_BYTES {
            return Err(Failure::bad_request(format!(
                "the question has {} bytes; at most {MAX_QUESTION_BYTES} are taken",
                question.len()
            )));
        }
        Ok(question)
    }

    /// What the search is narrowed to.
    pub fn filters(&mut self) -> Result<Filters, Failure> {
        let kinds = self.words("kind", Kind::from_word, || {
            let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
            words.join(", ")
        })?;
        let language = |code: &str| match Language::from_code(code) {
            Language::Other if code != Language::Other.code() => None,
            language => Some(language),
        };
        let languages = self.words("language", language, || "fr, en, other".to_owned())?;
        let mut filters = Filters {
            kinds,
            languages,
            sources: self.all("source")?,
            folders: self.all("folder")?,
            after_ms: self.period("after")?.map(|(start, _)| start),
            before_ms: self.period("before")?.map(|(start, _)| start),
        };
        if let Some((start, end)) = self.period("year")? {
            filters.after_ms = Some(filters.after_ms.map_or(start, |after| after.max(start)));
            filters.before_ms = Some(filters.before_ms.map_or(end, |before| before.min(end)));
        }
        Ok(filters)
    }

    /// Refuses what nobody took: a filter that is not known would silently not filter.
    pub fn finish(self) -> Result<(), Failure> {
        match self.0.first() {
            None => Ok(()),
            // The name comes from outside and may be anything: it is shown short and without control characters.
            Some((name, _)) => {
                let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
                Err(Failure::bad_request(format!("there is no parameter `{name}` here"))
                    .hint("/api/v1/openapi.json lists them"))
            }
        }
    }

    fn words<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Option<T>,
        known: impl Fn() -> String,
    ) -> Result<Vec<T>, Failure> {
        let values = self.all(name)?;
        let wrong = || Failure::bad_request(format!("`{name}` is one of {}", known()));
        values.iter().map(|value| read(value).ok_or_else(wrong)).collect()
    }

    fn period(&mut self, name: &str) -> Result<Option<(i64, i64)>, Failure> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        let wrong = || {
            Failure::bad_request(format!("`{name}` is a year, a month or a day: 2024, 2024-05, 2024-05-31"))
        };
        calendar::period(&value).map(Some).ok_or_else(wrong)
    }
}

/// Refuses a question in which nothing can be seen, however it comes.
pub(crate) fn check_question(question: &str) -> Result<(), Failure> {
    if is_visible(question) { Ok(()) } else { Err(no_question()) }
}

fn no_question() -> Failure {
    Failure::bad_request("the question is missing")
}

fn as_parameter(failure: Failure) -> Failure {
    failure.hint("give it as `q`, percent-encoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_in_which_nothing_can_be_seen_is_none() {
        let check = |question: &str, expected: bool| {
            assert_eq!(check_question(question).is_ok(), expected, "{question:?}");
            let given = || Parameters(vec![("q".to_owned(), question.to_owned())]);
            assert_eq!(given().visible_question().is_ok(), expected, "{question:?}");
            assert!(given().question().is_ok(), "{question:?}");
        };
        check("", false);
        check(" \n\t\u{a0}", false);
        check("\0\u{1b}\u{202e}", false);
        check("\u{200b}\u{feff}\u{2060}\u{ad}\u{e0041}", false);
        check("?", true);
        check("\u{202e}été", true);
        check("😀", true);
        check("\u{fffd}", true);
        let message =
            |asked: Result<String, Failure>| asked.map_err(|failure| (failure.message, failure.hints));
        let missing = message(Parameters(Vec::new()).visible_question());
        assert_eq!(message(Parameters(vec![("q".to_owned(), "\0".to_owned())]).visible_question()), missing);
    }
}
