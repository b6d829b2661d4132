//! How does the operator reach the Kubernetes API and its peers? Through `egress`, like everything else.

pub mod client;
pub mod kubeconfig;
pub mod peer;
pub mod tally;
