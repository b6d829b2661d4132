//! Does the cluster look as declared?
//!
//! A person declares an [`resources::Environment`]; pure planners ([`plan`]) compare what is declared with what is there
//! and say what must be done next; thin edges ([`peers`], [`edge`], [`run`]) look and act. The only crate that names
//! kube, and it leaves the machine through `egress` alone.

pub mod cli;
pub mod edge;
pub mod manifests;
pub mod names;
pub mod peers;
pub mod plan;
pub mod resources;
pub mod run;
pub mod words;
