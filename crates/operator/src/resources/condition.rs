//! What is said of a resource, how sure is it, and since when?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::Language;

/// One statement about a resource, in the form that Kubernetes tools expect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is stated: `Ready`, `ClusterReady`, `MeshReady`, `BastionReady`, `Isolated`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in one word for programs.
    pub reason: String,
    /// Why, in a sentence for people.
    pub message: String,
    /// The same in French, where it is known.
    #[serde(rename = "messageFr", default, skip_serializing_if = "String::is_empty")]
    pub french: String,
    /// The generation of the resource that was looked at.
    #[serde(default)]
    pub observed_generation: i64,
    /// Since when the status is what it is (RFC 3339).
    pub last_transition_time: String,
}

/// How a statement stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Yes(&'static str, String),
    /// It does not hold.
    No(&'static str, String),
    /// Nobody can say at the moment.
    Unknown(&'static str, String),
}

impl Verdict {
    /// `True`, `False` or `Unknown`.
    pub fn status(&self) -> &'static str {
        match self {
            Verdict::Yes(..) => "True",
            Verdict::No(..) => "False",
            Verdict::Unknown(..) => "Unknown",
        }
    }

    /// The word for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Verdict::Yes(reason, _) | Verdict::No(reason, _) | Verdict::Unknown(reason, _) => reason,
        }
    }

    /// The sentence for people, in both languages where it is known in both (`words`).
    pub fn message(&self) -> &str {
        match self {
            Verdict::Yes(_, message) | Verdict::No(_, message) | Verdict::Unknown(_, message) => message,
        }
    }

    /// Whether it holds.
    pub fn holds(&self) -> bool {
        matches!(self, Verdict::Yes(..))
    }
}

/// Longest message, in characters. Messages quote what other programs say, and a status is read in a terminal.
const MAX_MESSAGE: usize = 600;

/// Puts a verdict among the conditions. The time of the last transition stays as long as the status does.
pub fn state(conditions: &mut Vec<Condition>, kind: &str, verdict: &Verdict, generation: i64, now: &str) {
    let said = |language: Language| -> String {
        language.read(verdict.message()).chars().take(MAX_MESSAGE).collect()
    };
    let (message, french) = (said(Language::English), said(Language::French));
    let mut next = Condition {
        kind: kind.to_owned(),
        status: verdict.status().to_owned(),
        reason: verdict.reason().to_owned(),
        french: if french == message { String::new() } else { french },
        message,
        observed_generation: generation,
        last_transition_time: now.to_owned(),
    };
    match conditions.iter_mut().find(|condition| condition.kind == kind) {
        Some(known) => {
            if known.status == next.status {
                next.last_transition_time.clone_from(&known.last_transition_time);
            }
            *known = next;
        }
        None => conditions.push(next),
    }
}

impl Condition {
    /// The sentence in a language; in English where no other is known.
    pub fn said(&self, language: Language) -> &str {
        match language {
            Language::French if !self.french.is_empty() => &self.french,
            _ => &self.message,
        }
    }
}

/// The condition of a kind.
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

/// The schema of a list of conditions: a map by type, so that writers with other conditions do not erase ours.
pub fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let mut schema = <Vec<Condition>>::json_schema(generator);
    schema.insert("x-kubernetes-list-type".to_owned(), "map".into());
    schema.insert("x-kubernetes-list-map-keys".to_owned(), serde_json::json!(["type"]));
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_last_change_of_status() {
        let mut conditions = Vec::new();
        let no = |text: &str| Verdict::No("Waiting", text.to_owned());
        state(&mut conditions, "Ready", &no("first"), 1, "t1");
        state(&mut conditions, "Ready", &no("second"), 2, "t2");
        let ready = find(&conditions, "Ready").unwrap();
        assert_eq!((ready.message.as_str(), ready.last_transition_time.as_str()), ("second", "t1"));
        assert_eq!(ready.observed_generation, 2);
        state(&mut conditions, "Ready", &Verdict::Yes("Ready", String::new()), 2, "t3");
        assert_eq!(find(&conditions, "Ready").unwrap().last_transition_time, "t3");
        assert_eq!(conditions.len(), 1);
    }

    #[test]
    fn a_sentence_is_kept_in_both_languages_and_shown_in_one() {
        let mut conditions = Vec::new();
        let said = crate::words::both("une machine manque", "a machine is missing");
        state(&mut conditions, "Ready", &Verdict::No("Waiting", said), 1, "t1");
        let ready = find(&conditions, "Ready").unwrap();
        assert_eq!(ready.message, "a machine is missing");
        assert_eq!(ready.said(Language::French), "une machine manque");
        state(&mut conditions, "Ready", &Verdict::No("Peer", "NetBird says no".to_owned()), 1, "t1");
        let ready = find(&conditions, "Ready").unwrap();
        assert_eq!((ready.said(Language::French), ready.french.as_str()), ("NetBird says no", ""));
    }
}
