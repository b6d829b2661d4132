//! Why did a model not answer, said to the person who asked and to the person who runs it?
//!
//! Neither message holds a word of the question, the passages or the answer, nor what the service wrote.

use intramuros_core::error::{Error, ErrorKind};
use intramuros_core::language::Language;
use intramuros_egress::EgressError;

use super::wire;

/// Why a model did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// No rule opens the way, or it could not be written down.
    #[error("{0}")]
    Closed(String),
    /// Nobody is there.
    #[error("the service could not be reached: {0}")]
    Down(String),
    /// It took longer than it may.
    #[error("it took longer than {seconds} s")]
    Slow {
        /// What is declared, or less where somebody waits.
        seconds: u64,
    },
    /// All of the places declared for it were taken for too long.
    #[error("all {places} places of the model stayed taken")]
    Crowded {
        /// What was declared.
        places: u32,
    },
    /// The key is missing, wrong, or not allowed to use the model.
    #[error("the service refused the key (status {0}): check `key_file`")]
    Key(u16),
    /// There is no such model or no such address.
    #[error("the service has no such model or address: check `url` and `model`")]
    Unknown,
    /// The account at the service has nothing left.
    #[error("the service asks to be paid ({0}): look at the account there")]
    Unpaid(String),
    /// The question with its passages is longer than the model takes.
    #[error("the question with its passages is too long for the model: declare a smaller `context_tokens`")]
    TooLong,
    /// Too many requests, also after waiting.
    #[error("the service is overloaded (status {0}), also after {1} attempts")]
    Busy(u16, u32),
    /// The service is there, and its model is not in memory yet.
    #[error("the service is still loading its model (status 503)")]
    Loading,
    /// The service refused or failed.
    #[error("the service failed: {0}")]
    Failed(String),
    /// What came back is not what the interface promises.
    #[error("the service answered with {0}: check `url`")]
    Schema(&'static str),
    /// The answer broke off.
    #[error("the answer broke off: {0}")]
    Cut(String),
    /// What was given as the answer were thoughts, which no mark had opened. From the next question on they are left out.
    #[error("the model thought aloud without a mark before it; from the next question on that is left out")]
    Thoughts,
    /// It had no tokens left before its answer began: what it thinks before counts as well.
    #[error("it thought until its tokens were used up, and no answer began: declare more `max_tokens`")]
    Unspoken,
    /// The model in this process could not be loaded.
    #[error("the model could not be loaded: {0}")]
    NotLoaded(&'static str),
    /// The answer was empty.
    #[error("the answer was empty")]
    Empty,
    /// It was not asked: who would have it write has used up what is declared for a day.
    #[error("not asked: the person has used up `tokens_per_person_per_day`")]
    Spent,
}

impl ModelError {
    /// Whether the same request may succeed a little later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, ModelError::Busy(..) | ModelError::Loading)
            || matches!(self, ModelError::Failed(status) if status.starts_with("status 5"))
    }

    /// A word for logs, counts and programs.
    pub fn code(&self) -> &'static str {
        match self {
            ModelError::Closed(_) => "not-allowed",
            ModelError::Down(_) => "unreachable",
            ModelError::Slow { .. } => "timeout",
            ModelError::Crowded { .. } => "no-place",
            ModelError::Key(_) => "key-refused",
            ModelError::Unknown => "no-such-model",
            ModelError::Unpaid(_) => "not-paid",
            ModelError::TooLong => "too-long",
            ModelError::Busy(..) => "overloaded",
            ModelError::Loading => "loading",
            ModelError::Failed(_) => "failed",
            ModelError::Schema(_) => "not-the-interface",
            ModelError::Cut(_) => "cut",
            ModelError::Thoughts => "thoughts",
            ModelError::Unspoken => "thoughts-alone",
            ModelError::NotLoaded(_) => "not-loaded",
            ModelError::Empty => "empty",
            ModelError::Spent => "tokens-used-up",
        }
    }

    /// What the person who asked is told, in their language.
    pub fn to_person(&self, language: Language) -> &'static str {
        let french = language == Language::French;
        let pick = |fr, en| if french { fr } else { en };
        match self {
            ModelError::Closed(_) => pick(
                "Aucune règle ne permet de joindre le modèle ; l’administrateur doit l’ouvrir.",
                "No rule allows the model to be reached; the administrator must open the way.",
            ),
            ModelError::Down(_) => pick("Le modèle est injoignable.", "The model can't be reached."),
            ModelError::Slow { .. } => {
                pick("Le modèle n’a pas répondu à temps.", "The model did not answer in time.")
            }
            ModelError::Crowded { .. } | ModelError::Busy(..) => pick(
                "Le modèle a trop de demandes ; réessayez dans un moment.",
                "The model has too much to do; try again in a moment.",
            ),
            ModelError::Loading => pick(
                "Le modèle est encore en cours de chargement ; reposez la question dans une minute.",
                "The model is still being loaded; ask again in a minute.",
            ),
            ModelError::Key(_) => pick(
                "Le modèle a refusé notre clé ; l’administrateur doit la vérifier.",
                "The model refused our key; the administrator must check it.",
            ),
            ModelError::Unknown => pick(
                "Le service ne connaît pas ce modèle ; l’administrateur doit vérifier son nom et son adresse.",
                "The service has no such model; the administrator must check its name and address.",
            ),
            ModelError::Unpaid(_) => pick(
                "Le compte auprès du service du modèle est épuisé ; l’administrateur doit le vérifier.",
                "The account at the model's service is used up; the administrator must check it.",
            ),
            ModelError::TooLong => pick(
                "La question et ses passages sont trop longs pour le modèle ; l’administrateur doit vérifier `context_tokens`.",
                "The question and its passages are too long for the model; the administrator must check `context_tokens`.",
            ),
            ModelError::Failed(_) | ModelError::Schema(_) => {
                pick("Le service du modèle a mal répondu.", "The model's service did not answer properly.")
            }
            ModelError::Cut(_) => pick("La réponse du modèle a été coupée.", "The model's answer broke off."),
            ModelError::Thoughts => pick(
                "Le modèle a écrit ses réflexions au lieu de la réponse ; reposez la question.",
                "The model wrote its thoughts instead of the answer; ask again.",
            ),
            ModelError::Unspoken => pick(
                "Le modèle a réfléchi jusqu’à épuiser ses jetons, sans commencer sa réponse ; l’administrateur peut augmenter `max_tokens`.",
                "The model thought until its tokens were used up, and began no answer; the administrator can raise `max_tokens`.",
            ),
            ModelError::NotLoaded(_) => pick(
                "Le modèle n’a pas pu être chargé ; l’administrateur doit vérifier son fichier.",
                "The model could not be loaded; the administrator must check its file.",
            ),
            ModelError::Empty => pick("Le modèle n’a rien répondu.", "The model answered nothing."),
            ModelError::Spent => pick(
                "Vos jetons du jour pour ce modèle sont épuisés ; il rédigera de nouveau pour vous après minuit (UTC).",
                "Your tokens of the day for this model are used up; it writes for you again after midnight (UTC).",
            ),
        }
    }

    /// The error of a status, with the beginning of the body, of which only the kind and short identifiers are kept.
    pub(crate) fn of_status(status: u16, body: &str, attempts: u32) -> ModelError {
        let said = || said(&format!("status {status}"), body);
        match status {
            401 | 403 => ModelError::Key(status),
            404 | 405 => ModelError::Unknown,
            503 if wire::says_loading(body) => ModelError::Loading,
            429 if wire::says_unpaid(body) => ModelError::Unpaid(said()),
            429 | 503 | 529 => ModelError::Busy(status, attempts),
            402 => ModelError::Unpaid(said()),
            // Too long already for a proxy before it.
            413 => ModelError::TooLong,
            400 | 422 | 500 if wire::says_too_long(body) => ModelError::TooLong,
            400 | 422 if wire::says_no_model(body) => ModelError::Unknown,
            400 | 500 if wire::says_no_tools(body) => ModelError::Failed(format!(
                "it takes no tools (status {status}): start it with them, or declare the model without `tools`"
            )),
            300..=399 => ModelError::Schema("a redirection"),
            _ => ModelError::Failed(said()),
        }
    }

    /// The error that stands in an answer's stream, in place of an event. LM Studio finds only there that a question is too
    /// long.
    pub(crate) fn of_event(event: &str) -> ModelError {
        // A limit of tokens a minute speaks of too many tokens as well.
        if wire::says_too_long(event) && !wire::says_too_often(event) {
            return ModelError::TooLong;
        }
        ModelError::Failed(said("an error within the stream", event))
    }

    /// The error of a connection; `begun` when part of the answer has come.
    pub(crate) fn of_egress(error: &EgressError, seconds: u64, begun: bool) -> ModelError {
        match error {
            EgressError::Refused(_) | EgressError::Unrecorded(_) | EgressError::Setup(_) => {
                ModelError::Closed(error.to_string())
            }
            EgressError::TimedOut { .. } => ModelError::Slow { seconds },
            EgressError::TooLarge { .. } => ModelError::Schema("more than an answer"),
            _ if begun => ModelError::Cut(error.to_string()),
            EgressError::Http { .. } => ModelError::Cut(error.to_string()),
            _ => ModelError::Down(error.to_string()),
        }
    }
}

/// What happened with what the body says in identifiers: `status 422 (type extra_forbidden, loc stream_options)`.
fn said(what: &str, body: &str) -> String {
    let identifiers = wire::identifiers(body);
    if identifiers.is_empty() {
        return what.to_owned();
    }
    format!("{what} ({})", identifiers.join(", "))
}

impl From<ModelError> for Error {
    fn from(error: ModelError) -> Error {
        let kind = match error {
            ModelError::Closed(_)
            | ModelError::Key(_)
            | ModelError::Unpaid(_)
            | ModelError::Unknown
            | ModelError::NotLoaded(_) => ErrorKind::Config,
            _ => ErrorKind::Peer,
        };
        Error::new(kind, error.to_string())
    }
}
