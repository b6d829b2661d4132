//! What do the peers do when they are asked? Doubles that keep state and refuse what the real ones refuse.

pub mod faults;
pub mod http;
pub mod netbird;
pub mod warpgate;

use std::sync::{Arc, Mutex};

use serde_json::Value;

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: String,
    pub path: String,
    pub body: Value,
    pub status: u16,
    pub answer: Value,
}

/// A peer that keeps state.
pub trait Double: Send + 'static {
    /// Answers one request.
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value);

    /// Everything that was asked so far.
    fn exchanges(&mut self) -> &mut Vec<Exchange>;

    /// Answers one request and writes it down.
    fn handle(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, answer) = self.answer(method, path, body);
        let exchange = Exchange {
            method: method.to_owned(),
            path: path.to_owned(),
            body: body.clone(),
            status,
            answer: answer.clone(),
        };
        self.exchanges().push(exchange);
        (status, answer)
    }

    /// Requests that changed something since the last time this was asked.
    fn writes(&mut self) -> usize {
        let exchanges = std::mem::take(self.exchanges());
        exchanges.iter().filter(|exchange| exchange.method != "GET").count()
    }
}

/// A double that several callers share.
pub type Shared<D> = Arc<Mutex<D>>;

/// The id of a new thing, in the order in which things were made.
pub fn id(prefix: &str, count: &mut u64) -> String {
    *count += 1;
    format!("{prefix}{:06}", *count)
}
