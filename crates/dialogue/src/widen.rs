//! In which other words are the documents searched before a model writes?
//!
//! Only where it is declared (`assistant.wordings`), since it costs a call of the model. What is found is added to what the
//! question itself found; whether something answers is judged by the question alone. A model that fails, or is slow, leaves
//! the question as it was.

use std::sync::Arc;
use std::time::Duration;

use intramuros_assistant::wordings::{self, MAX_TOKENS};
use intramuros_core::error::Error;
use intramuros_inference::Writer;
use intramuros_inference::endpoint::{ChatRequest, ModelError, Usage};
use intramuros_library::{DocumentFacts, Library};

use crate::gather::{Gathered, Passage, interleave};
use crate::tools::{Called, Tools, search};
use crate::write::{Took, ask_beside};

/// How long the model may take over the wordings: the person waits.
const TIME: Duration = Duration::from_secs(5);

/// Adds what the question finds in other words, with the asker's rights and written down as a call of the model; gives what
/// the call cost.
pub(crate) async fn widen(
    writer: &Writer,
    library: &Arc<Library>,
    tools: &Tools,
    gathered: &mut Gathered,
) -> Option<Usage> {
    let took = Took::default();
    let asked = tokio::time::timeout(TIME, ask(writer, gathered, &took)).await;
    // Nothing where no answer began.
    let usage = Some(took.sum()).filter(|usage| *usage != Usage::default());
    let wordings = match asked {
        Ok(Ok(given)) => given,
        failed => {
            let code = match failed {
                Ok(Err(error)) => error.code(),
                _ => "timeout",
            };
            tracing::warn!(model = writer.name(), code, "a question was searched in its own words alone");
            return usage;
        }
    };
    for wording in wordings {
        let (library, tools) = (Arc::clone(library), tools.clone());
        let searched = tokio::task::spawn_blocking(move || look(&library, &tools, &wording)).await;
        match searched {
            Ok(Ok(found)) => {
                let own = std::mem::take(&mut gathered.passages);
                gathered.passages = interleave(own, found);
            }
            Ok(Err(error)) => tracing::error!(%error, "another wording was not searched"),
            // Only a fault of ours ends the thread.
            Err(_) => {}
        }
    }
    usage
}

/// Asks the model for wordings.
async fn ask(writer: &Writer, gathered: &Gathered, took: &Took) -> Result<Vec<String>, ModelError> {
    let Some(messages) = wordings::ask(&gathered.alone, gathered.language) else { return Ok(Vec::new()) };
    let request = ChatRequest { messages, max_tokens: MAX_TOKENS, ..ChatRequest::default() };
    let answer = ask_beside(writer, &request, took).await?;
    Ok(wordings::read(&answer, &gathered.alone))
}

/// Searches, and writes down what is read before anybody gets it.
fn look(library: &Library, tools: &Tools, wording: &str) -> Result<Vec<Passage>, Error> {
    let found = search(library, tools, wording)?;
    let documents: Vec<DocumentFacts> = found.iter().map(|(cited, _, _)| cited.document.clone()).collect();
    let with = if found.is_empty() { "nothing found" } else { "passages found" };
    (tools.note)(&Called { tool: "search", allowed: true, with, documents })?;
    Ok(found)
}
