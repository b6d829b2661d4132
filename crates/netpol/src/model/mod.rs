//! What is a pod, a namespace, a policy, a port set, an address range? Values only: no file, no verdict.

pub mod address;
pub mod labels;
pub mod policy;
pub mod ports;
pub mod world;
