//! How are findings written for people (text) and for pipelines (JSON, SARIF, JUnit)?

use super::{Finding, Kind};
use crate::language::say;
use crate::report::{Language, Terminal};
use intramuros_core::markup::escape;
use serde_json::{Value, json};

/// Text: one paragraph per finding, then a sum; `with_matrix` when policies were compared with one.
pub fn text(findings: &[Finding], with_matrix: bool, terminal: Terminal) -> String {
    let mut out = String::new();
    let paint = |code: &str, text: &str| match terminal.colour {
        true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        false => text.to_owned(),
    };
    for finding in findings {
        let word = match terminal.language {
            Language::French => finding.kind.french(),
            Language::English => finding.kind.name(),
        };
        let colour = if finding.kind.is_error() { "1;31" } else { "1;33" };
        out.push_str(&format!(
            "{} {}\n  {}\n",
            paint(colour, word),
            paint("2", &finding.origin.to_string()),
            terminal.language.read(&finding.message)
        ));
        for reason in &finding.reasons {
            out.push_str(&format!("    {}\n", terminal.language.read(reason)));
        }
    }
    let errors = findings.iter().filter(|finding| finding.kind.is_error()).count();
    let remarks = findings.len() - errors;
    let proved = match (errors, with_matrix) {
        (0, true) => say!(
            "Les politiques font exactement ce que dit la matrice.",
            "The policies do exactly what the matrix says."
        ),
        (0, false) => say!("Rien ne contredit ce qui a été demandé.", "Nothing contradicts what was asked."),
        (errors, _) => say!("{errors} erreur(s).", "{errors} error(s)."),
    };
    let count = match remarks {
        0 => String::new(),
        remarks => say!(" {remarks} remarque(s).", " {remarks} remark(s)."),
    };
    let sum = terminal.language.read(&format!("{proved}{count}"));
    out.push_str(&paint(if errors == 0 { "32" } else { "31" }, &sum));
    out.push('\n');
    out
}

fn pretty(value: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).unwrap_or_default())
}

/// The findings in one language.
pub fn read(findings: &[Finding], language: Language) -> Vec<Finding> {
    let one = |finding: &Finding| Finding {
        message: language.read(&finding.message),
        reasons: finding.reasons.iter().map(|reason| language.read(reason)).collect(),
        ..finding.clone()
    };
    findings.iter().map(one).collect()
}

/// JSON: a list of findings.
pub fn json(findings: &[Finding]) -> String {
    let list: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "kind": finding.kind.name(), "error": finding.kind.is_error(),
                "file": &*finding.origin.file, "line": finding.origin.line,
                "message": finding.message, "reasons": finding.reasons,
            })
        })
        .collect();
    pretty(&Value::Array(list))
}

/// SARIF 2.1.0, as code-scanning pages read it.
pub fn sarif(findings: &[Finding]) -> String {
    let kinds = [
        (Kind::Missing, "An authorised flow is refused"),
        (Kind::Excessive, "An open flow is not authorised"),
        (Kind::Contradictory, "An authorised flow is refused by name"),
        (Kind::Invariant, "An invariant does not hold"),
        (Kind::Expired, "The review of a flow is overdue"),
        (Kind::Unjustified, "A flow has no justification"),
        (Kind::Unused, "A policy, rule or line concerns nobody"),
        (Kind::Shadowed, "A rule or line says only what another says"),
    ];
    let rules: Vec<Value> = kinds
        .iter()
        .map(|(kind, text)| json!({"id": kind.name(), "shortDescription": {"text": text}}))
        .collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let text = match finding.reasons.is_empty() {
                true => finding.message.clone(),
                false => format!("{}\n{}", finding.message, finding.reasons.join("\n")),
            };
            json!({
                "ruleId": finding.kind.name(),
                "level": if finding.kind.is_error() { "error" } else { "warning" },
                "message": {"text": text},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": &*finding.origin.file},
                    "region": {"startLine": finding.origin.line.max(1)},
                }}],
            })
        })
        .collect();
    pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "intramuros netpol", "rules": rules}},
            "results": results,
        }],
    }))
}

/// JUnit XML: one test case per finding, or one that passed.
pub fn junit(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.kind.is_error()).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"intramuros netpol\" tests=\"{}\" failures=\"{errors}\">\n",
        findings.len().max(1)
    );
    if findings.is_empty() {
        out.push_str("  <testcase classname=\"netpol\" name=\"matrix\"/>\n");
    }
    for finding in findings {
        let name = escape(&format!("{} {}", finding.origin, finding.kind.name()));
        let body = escape(&format!("{}\n{}", finding.message, finding.reasons.join("\n")));
        let inner = match finding.kind.is_error() {
            true => format!("<failure message=\"{}\">{body}</failure>", escape(&finding.message)),
            false => format!("<system-out>{body}</system-out>"),
        };
        out.push_str(&format!(
            "  <testcase classname=\"netpol.{}\" name=\"{name}\">{inner}</testcase>\n",
            finding.kind.name()
        ));
    }
    out.push_str("</testsuite>\n");
    out
}
