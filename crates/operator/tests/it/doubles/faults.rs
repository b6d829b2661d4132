//! What can go wrong between us and a peer? A transport to a double on which every call may fail, get lost, be carried
//! out twice or late, or be turned away.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use intramuros_operator::peers::{Call, PeerError, Reply, Transport};

use super::{Double, Shared};

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it is carried out and answered.
    None,
    /// It never arrives.
    Fails,
    /// It is carried out, and the answer is lost.
    Lost,
    /// It is given up, and carried out when this many more calls have been made.
    Late(u8),
    /// It is carried out twice; the second answer counts.
    Twice,
    /// The peer asks for patience.
    Busy,
    /// The peer is out of order.
    Broken,
}

/// The faults to come, and the calls that are still under way.
#[derive(Default)]
pub struct Faults {
    pub next: VecDeque<Fault>,
    late: Vec<(u8, Call)>,
    pub calls: usize,
}

/// A transport to a double, with faults.
pub fn transport<D: Double>(
    double: &Shared<D>,
    faults: &Arc<Mutex<Faults>>,
    prefix: &'static str,
) -> Transport {
    let (double, faults) = (Arc::clone(double), Arc::clone(faults));
    Arc::new(move |call| {
        let answer = send(&mut *double.lock().unwrap(), &mut faults.lock().unwrap(), call, prefix);
        Box::pin(async move { answer })
    })
}

/// Carries out everything that was given up so far.
pub fn settle<D: Double>(double: &Shared<D>, faults: &Arc<Mutex<Faults>>) {
    let mut faults = faults.lock().unwrap();
    faults.next.clear();
    let mut double = double.lock().unwrap();
    for (_, call) in std::mem::take(&mut faults.late) {
        double.handle(call.method.as_str(), &call.path, &call.body);
    }
}

fn send<D: Double>(
    double: &mut D,
    faults: &mut Faults,
    call: Call,
    prefix: &str,
) -> Result<Reply, PeerError> {
    faults.calls += 1;
    for (wait, _) in &mut faults.late {
        *wait = wait.saturating_sub(1);
    }
    let (due, later): (Vec<_>, Vec<_>) =
        std::mem::take(&mut faults.late).into_iter().partition(|(wait, _)| *wait == 0);
    faults.late = later;
    for (_, call) in due {
        double.handle(call.method.as_str(), &call.path, &call.body);
    }
    let path = call.path.strip_prefix(prefix).unwrap_or(&call.path).to_owned();
    let mut carry_out = || double.handle(call.method.as_str(), &path, &call.body);
    let lost = || Err(PeerError::Unreachable("the double did not answer".to_owned()));
    let (status, body) = match faults.next.pop_front().unwrap_or(Fault::None) {
        Fault::None => carry_out(),
        Fault::Twice => {
            carry_out();
            carry_out()
        }
        Fault::Fails => return lost(),
        Fault::Lost => {
            carry_out();
            return lost();
        }
        Fault::Late(wait) => {
            faults.late.push((wait, call));
            return lost();
        }
        Fault::Busy => (429, serde_json::Value::Null),
        Fault::Broken => (500, serde_json::Value::Null),
    };
    Ok(Reply { status, body: serde_json::to_vec(&body).unwrap() })
}
