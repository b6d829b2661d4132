//! Is everything well, and what needs somebody's hand?
//!
//! Each check is a pure judgement of what is seen; the page says what each means and what to do.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use intramuros_library::{Progress, Space};
use serde::Serialize;
use utoipa::ToSchema;

use crate::application::Shared;
use crate::failure::{Failure, FailureBody};
use crate::parameters::Parameters;
use crate::walls::Seal;

/// Less room than this on the disk is low, in bytes. 2 GiB: what reading a large mailbox may take.
const LOW_SPACE: u64 = 2 << 30;

/// Less than this and reading stops soon.
const NO_SPACE: u64 = 256 << 20;

/// How everything does.
#[derive(Serialize, ToSchema)]
pub(crate) struct WellAnswer {
    /// The worst of the checks: `ok`, `attention`, `trouble`.
    #[schema(value_type = String)]
    pub state: &'static str,
    /// The program's version.
    #[schema(value_type = String)]
    pub version: &'static str,
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Check {
    /// What: `reading`, `words`, `meaning`, `files`, `disk`, `seal`, `journal`, `ways_out`.
    #[schema(value_type = String)]
    pub name: &'static str,
    /// `ok`, `attention` (works, but somebody should know), `trouble` (does not work).
    #[schema(value_type = String)]
    pub state: &'static str,
    /// Numbers for its words.
    pub numbers: Vec<u64>,
    /// What the system says of it.
    pub detail: Option<String>,
}

/// How everything does, check by check.
#[utoipa::path(
    get, path = "/api/v1/well", tag = "administration",
    responses(
        (status = 200, description = "The checks", body = WellAnswer),
        (status = "4XX", description = "Why not", body = FailureBody),
        (status = "5XX", description = "A fault of ours", body = FailureBody),
    )
)]
pub(crate) async fn well(
    State(shared): State<Arc<Shared>>,
    parameters: Parameters,
) -> Result<Json<WellAnswer>, Failure> {
    parameters.finish()?;
    let (progress, failed, files, space) = shared
        .call(|library| {
            let counts = library.counts()?;
            Ok((library.progress(), counts.failed.values().sum(), counts.files, library.space()))
        })
        .await?;
    let refused = shared.walls.egress.as_ref().map(|egress| egress.accounts()).unwrap_or_default();
    let refused = refused.iter().map(|account| account.refused).sum();
    let mut checks = of_documents(&progress, failed, files);
    checks.push(of_disk(space));
    checks.push(of_seal(&shared.walls.seal));
    checks.push(of_journal(shared.walls.record.is_kept(), shared.walls.record.failure()));
    checks.push(check("ways_out", if refused == 0 { OK } else { ATTENTION }, [refused], None));
    let worst = |state| checks.iter().any(|check| check.state == state);
    let state = [TROUBLE, ATTENTION].into_iter().find(|state| worst(*state)).unwrap_or(OK);
    Ok(Json(WellAnswer { state, version: env!("CARGO_PKG_VERSION"), checks }))
}

const OK: &str = "ok";
const ATTENTION: &str = "attention";
const TROUBLE: &str = "trouble";

fn check<const N: usize>(
    name: &'static str,
    state: &'static str,
    numbers: [u64; N],
    detail: Option<String>,
) -> Check {
    Check { name, state, numbers: numbers.into(), detail }
}

fn of_documents(progress: &Progress, failed: u64, files: u64) -> Vec<Check> {
    let trouble = progress.trouble.clone();
    let passages = progress.passages;
    vec![
        check("reading", if trouble.is_some() { TROUBLE } else { OK }, [files], trouble),
        check("words", if progress.words_in_step { OK } else { ATTENTION }, [passages], None),
        check(
            "meaning",
            if progress.embedded >= passages { OK } else { ATTENTION },
            [progress.embedded.min(passages), passages],
            None,
        ),
        check("files", if failed == 0 { OK } else { ATTENTION }, [failed], None),
    ]
}

fn of_disk(space: Option<Space>) -> Check {
    let Some(Space { free, total }) = space else { return check("disk", ATTENTION, [0, 0], None) };
    let state = match free {
        ..NO_SPACE => TROUBLE,
        NO_SPACE..LOW_SPACE => ATTENTION,
        _ => OK,
    };
    check("disk", state, [free, total], None)
}

fn of_seal(seal: &Seal) -> Check {
    let state = if seal.sealed && seal.missing.is_empty() { OK } else { ATTENTION };
    let detail = if seal.missing.is_empty() { seal.summary.clone() } else { seal.missing.join("; ") };
    check("seal", state, [u64::from(seal.sealed)], Some(detail).filter(|detail| !detail.is_empty()))
}

fn of_journal(kept: bool, failure: Option<String>) -> Check {
    let state = match (kept, &failure) {
        (_, Some(_)) => TROUBLE,
        (false, None) => ATTENTION,
        (true, None) => OK,
    };
    check("journal", state, [u64::from(kept)], failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_is_judged() {
        let state = |check: Check, expected: &str| assert_eq!(check.state, expected, "{check:?}");
        let space = |free| of_disk(Some(Space { free, total: 100 << 30 }));
        state(space(50 << 30), OK);
        state(space(1 << 30), ATTENTION);
        state(space(1 << 20), TROUBLE);
        state(of_disk(None), ATTENTION);
        let seal = |sealed, missing: &[&str]| {
            of_seal(&Seal {
                sealed,
                summary: String::new(),
                missing: missing.iter().map(|one| (*one).to_owned()).collect(),
            })
        };
        state(seal(true, &[]), OK);
        state(seal(true, &["TCP"]), ATTENTION);
        state(seal(false, &[]), ATTENTION);
        state(of_journal(true, None), OK);
        state(of_journal(false, None), ATTENTION);
        state(of_journal(true, Some("disk full".to_owned())), TROUBLE);
        let documents = |progress: Progress, failed| -> Vec<&str> {
            of_documents(&progress, failed, 10).iter().map(|check| check.state).collect()
        };
        let well = Progress { words_in_step: true, passages: 5, embedded: 5, ..Progress::default() };
        assert_eq!(documents(well.clone(), 0), [OK, OK, OK, OK]);
        assert_eq!(documents(well.clone(), 2), [OK, OK, OK, ATTENTION]);
        assert_eq!(
            documents(Progress { embedded: 2, words_in_step: false, ..well.clone() }, 0),
            [OK, ATTENTION, ATTENTION, OK]
        );
        assert_eq!(documents(Progress { trouble: Some("no disk".to_owned()), ..well }, 0)[0], TROUBLE);
    }
}
