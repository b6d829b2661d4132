//! What is declared, what enforces it, and how is it shown and deployed?
//!
//! [`load`] reads `intramuros.toml`; [`report`] joins what is declared with what enforces it and with what the journal
//! saw; [`deploy`] writes the same as a systemd unit, as network policies and as nftables rules; [`sbom`] lists the
//! components of the program. [`cli`] has the commands, for the binary to call.

pub mod change;
pub mod cli;
pub mod criteria;
pub mod deploy;
pub mod html;
pub mod load;
pub mod notebook;
pub mod record;
pub mod report;
pub mod sbom;
mod svg;

/// A number with what it counts.
fn number_of(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The JSON Schema of `intramuros.toml`, made from the types that read it. As the reader does, it takes no other keys.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(intramuros_core::perimeter::Perimeter).to_value();
    if let Some(sections) = schema.get_mut("$defs").and_then(serde_json::Value::as_object_mut) {
        for section in sections.values_mut().filter(|section| section.get("properties").is_some()) {
            section["additionalProperties"] = false.into();
        }
    }
    schema
}
