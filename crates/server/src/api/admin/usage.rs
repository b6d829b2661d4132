//! Who used which model for how much?

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_journal::time::now_ms;
use intramuros_store::people::{People, Ratings, Use};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::application::Shared;
use crate::failure::{Failure, FailureBody};
use crate::parameters::Parameters;

/// Usage.
#[derive(Serialize, ToSchema)]
pub struct UsageAnswer {
    /// Days that are counted, today among them.
    pub days: u32,
    /// By person and model, most questions first.
    pub used: Vec<UseView>,
    /// Answers of these days that are kept in conversations.
    pub kept: u64,
    /// Of these, called good.
    pub good: u64,
    /// Of these, called bad.
    pub bad: u64,
    /// The currency of costs; empty where none is declared.
    pub currency: String,
}

/// What one person used one model for.
#[derive(Serialize, ToSchema)]
pub struct UseView {
    /// The person's name, `owner` or a program's.
    pub who: String,
    /// The declared model; none for sentences of the documents.
    pub model: Option<String>,
    /// Questions.
    pub questions: u64,
    /// Of these, answered.
    pub answered: u64,
    /// Of these, that nothing in the documents answers.
    pub refused: u64,
    /// Times that the model failed.
    pub failed: u64,
    /// Tokens of questions with their passages, as the service counts them.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// What the tokens cost at the declared prices; none where none is declared.
    pub cost: Option<f64>,
}

/// What can be asked of the usage.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by name in `Parameters`; this is how the OpenAPI document learns of them.
pub(crate) struct UsageParameters {
    /// Days, today among them.
    #[param(minimum = 1, maximum = 400, default = 30)]
    days: Option<u32>,
}

/// Who used which model for how much: questions, answers, refusals, tokens, costs, and what people thought of answers.
/// Never a question or an answer.
#[utoipa::path(
    get, path = "/api/v1/usage", tag = "administration", params(UsageParameters),
    responses(
        (status = 200, description = "The counts", body = UsageAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn usage(
    State(shared): State<Arc<Shared>>,
    mut parameters: Parameters,
) -> Result<Json<UsageAnswer>, Failure> {
    let days = parameters.number("days", 1, 400)?.unwrap_or(30) as u32;
    parameters.finish()?;
    let perimeter = shared.library().perimeter();
    let counted = shared.accounts()?.people(move |people| counted(people, &perimeter, days, now_ms()));
    Ok(Json(counted.await?))
}

/// Who used which model for how much in the last days, at the declared prices.
///
/// # Errors
/// When the counts can't be read.
pub fn counted(people: &People, perimeter: &Perimeter, days: u32, now_ms: i64) -> Result<UsageAnswer, Error> {
    let Ratings { kept, good, bad } = people.ratings(days, now_ms)?;
    let view = |one: Use| {
        let model = perimeter.models.iter().find(|model| model.name == one.model);
        UseView {
            cost: model.and_then(|model| model.cost(one.prompt_tokens, one.completion_tokens)),
            who: one.who,
            model: Some(one.model).filter(|name| !name.is_empty()),
            questions: one.questions,
            answered: one.answered,
            refused: one.refused,
            failed: one.failed,
            prompt_tokens: one.prompt_tokens,
            completion_tokens: one.completion_tokens,
        }
    };
    let used = people.used(days, now_ms)?.into_iter().map(view).collect();
    Ok(UsageAnswer { days, used, kept, good, bad, currency: perimeter.assistant.currency.clone() })
}
