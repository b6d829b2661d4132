//! Which criteria does each measure support?
//!
//! A mapping for the reader of an audit, never a claim of compliance: the criteria bind an organisation, and software
//! can only help it.

use serde::Serialize;

/// One measure, with the criteria that it supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Criterion {
    /// The measure.
    pub measure: &'static str,
    /// What it does.
    pub how: &'static str,
    /// Clauses of SecNumCloud 3.2.
    pub secnumcloud: &'static str,
    /// Objectives of the EU Cloud Sovereignty Framework.
    pub sovereignty: &'static str,
}

/// The mapping.
pub const CRITERIA: [Criterion; 8] = [
    Criterion {
        measure: "Declared ways out",
        how: "each with host, port, purpose, operator, jurisdiction, content and last day: a matrix of authorised flows",
        secnumcloud: "13.1.a, 13.1.b",
        sovereignty: "SOV-2 (legal and jurisdictional), SOV-3 (data)",
    },
    Criterion {
        measure: "One client for all connections",
        how: "checks the rule, the name's addresses and the certificate before a byte leaves; writes each decision down",
        secnumcloud: "13.2.a, 13.2.e",
        sovereignty: "SOV-3 (data), SOV-7 (security)",
    },
    Criterion {
        measure: "Kernel seal",
        how: "Landlock and seccomp refuse undeclared files, ports, sockets and programs even to code that was taken over",
        secnumcloud: "9.7.a, 13.2.e",
        sovereignty: "SOV-6 (technology), SOV-7 (security)",
    },
    Criterion {
        measure: "Journal",
        how: "sign-ins, access changes, questions, documents read, ways out: chained, signed, kept as declared",
        secnumcloud: "12.6.b, 12.6.c",
        sovereignty: "SOV-4 (operations), SOV-7 (security)",
    },
    Criterion {
        measure: "Journal sent elsewhere",
        how: "syslog (RFC 5424) over TLS to a separate collector",
        secnumcloud: "12.7.c",
        sovereignty: "SOV-7 (security)",
    },
    Criterion {
        measure: "Access rules per document",
        how: "what no rule covers is read by nobody but the owner; filters inside the search itself",
        secnumcloud: "9.7.a",
        sovereignty: "SOV-3 (data)",
    },
    Criterion {
        measure: "Models inside",
        how: "vectors and extractive answers need no service; others are declared ways out like any other",
        secnumcloud: "13.1.a",
        sovereignty: "SOV-1 (strategic), SOV-3 (data and AI), SOV-6 (technology)",
    },
    Criterion {
        measure: "List of components",
        how: "CycloneDX, from the lock file of the build, with checksums and licences",
        secnumcloud: "12.11",
        sovereignty: "SOV-5 (supply chain), SOV-6 (technology)",
    },
];
