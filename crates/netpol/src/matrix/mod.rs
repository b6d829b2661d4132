//! Who is authorised to talk to whom, and why? The flow matrix, whichever file it comes from.

pub mod headings;
mod hidden;
pub mod party;
pub mod read;
pub mod resolve;
pub mod sheet;
pub mod write;

use crate::error::Origin;
use crate::model::policy::PortMatch;
use crate::model::ports::{Connections, Protocol};
use intramuros_core::calendar::civil_from_days;
use party::Party;
use std::fmt;

/// Lines of one matrix: more than ten times the largest that was seen.
pub const MAX_FLOWS: usize = 50_000;

/// What a flow is for; presets generate them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Between the workloads of a tenant.
    Tenant,
    /// Administration.
    Admin,
    /// Metrics, logs, probes.
    Supervision,
    /// The service itself.
    #[default]
    Production,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Tenant, Self::Admin, Self::Supervision, Self::Production];

    /// The word used in files and names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Admin => "admin",
            Self::Supervision => "supervision",
            Self::Production => "production",
        }
    }

    /// The category of a word, French or English.
    pub fn parse(text: &str) -> Option<Self> {
        match headings::plain(text).as_str() {
            "" | "production" | "prod" | "metier" | "service" => Some(Self::Production),
            "tenant" | "client" | "locataire" => Some(Self::Tenant),
            "admin" | "administration" => Some(Self::Admin),
            "supervision" | "monitoring" | "observability" => Some(Self::Supervision),
            _ => None,
        }
    }
}

/// A day of the calendar, ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// Year, such as 2027.
    pub year: i32,
    /// Month from 1 to 12.
    pub month: u8,
    /// Day from 1 to 31.
    pub day: u8,
}

impl Day {
    /// A day written `2027-03-31`, `31/03/2027` or `31.03.2027`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().split(['T', ' ']).next()?;
        let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
        let [a, b, c] = parts.as_slice() else { return None };
        let (year, month, day) = if a.len() == 4 { (a, b, c) } else { (c, b, a) };
        let day = Self { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? };
        let fits = (1..=12).contains(&day.month) && (1..=31).contains(&day.day) && day.year > 1000;
        fits.then_some(day)
    }

    /// The day that is this many days after 1970-01-01.
    pub fn from_epoch_days(days: i64) -> Self {
        let (year, month, day) = civil_from_days(days);
        Self {
            year: i32::try_from(year).unwrap_or(i32::MAX),
            month: u8::try_from(month).unwrap_or(1),
            day: u8::try_from(day).unwrap_or(1),
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// One authorised flow.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Its number or reference in the matrix, if it has one.
    pub id: Option<String>,
    /// Who opens the connection.
    pub source: Party,
    /// Who accepts it.
    pub destination: Party,
    /// The ports.
    pub ports: Vec<PortMatch>,
    /// Why it is needed.
    pub justification: String,
    /// Who answers for it.
    pub owner: String,
    /// When it must be looked at again.
    pub review: Option<Day>,
    /// What it is for.
    pub category: Category,
    /// File and line, or row of the sheet.
    pub origin: Origin,
}

impl Flow {
    /// The ports as text: `TCP 80,443`, `All Connections`, `TCP http`.
    pub fn ports_text(&self) -> String {
        let mut numbers = Connections::none();
        let mut parts = Vec::new();
        for port in &self.ports {
            match port {
                PortMatch::Numbers(set) => numbers = numbers.union(set),
                PortMatch::Named(protocol, name) => {
                    parts.push(format!("{} {name}", protocol.unwrap_or(Protocol::Tcp).name()));
                }
            }
        }
        if !numbers.is_empty() {
            parts.insert(0, numbers.to_string());
        }
        parts.join(",")
    }

    /// `source -> destination : ports`.
    pub fn text(&self) -> String {
        format!("{} -> {} : {}", self.source, self.destination, self.ports_text())
    }
}

/// A flow matrix.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// Its lines in order.
    pub flows: Vec<Flow>,
    /// Columns and cells that were left aside, one sentence each.
    pub notes: Vec<String>,
}
