//! Which policies make the cluster do exactly what the matrix says? Written in a dialect, then proved: what is
//! returned has been read back and compared with the matrix, pair by pair and port by port.

use crate::language::say;
pub mod cilium;
pub mod cluster;
pub mod nftables;
pub mod plan;
pub mod proof;
pub mod standard;
pub mod yaml;

use crate::error::{Error, ErrorKind, Result};
use crate::matrix::resolve::Places;
use crate::matrix::{Category, Flow, Matrix};
use crate::model::world::World;
use plan::Plan;

/// The language policies are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// `networking.k8s.io/v1 NetworkPolicy`.
    #[default]
    NetworkPolicy,
    /// `cilium.io/v2 CiliumNetworkPolicy`.
    Cilium,
    /// `policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy`, over a NetworkPolicy default deny.
    ClusterNetworkPolicy,
    /// An nftables ruleset for the addresses that the pods have now.
    Nftables,
}

impl Dialect {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::NetworkPolicy => "NetworkPolicy",
            Self::Cilium => "Cilium",
            Self::ClusterNetworkPolicy => "ClusterNetworkPolicy",
            Self::Nftables => "nftables",
        }
    }
}

/// What to generate.
#[derive(Clone, Debug)]
pub struct Options {
    /// The dialect.
    pub dialect: Dialect,
    /// Where the resolver and the API server are.
    pub places: Places,
    /// Namespaces whose pods are left ungoverned: they can be named as the other end only.
    pub excluded: Vec<String>,
    /// Only the flows of this category; the default deny then is left to the other categories.
    pub category: Option<Category>,
    /// Adds the flow of every pod to the resolver.
    pub dns: bool,
}

/// Namespaces of the cluster itself, which are not governed unless somebody says so.
pub const SYSTEM_NAMESPACES: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

impl Default for Options {
    fn default() -> Self {
        Self {
            dialect: Dialect::default(),
            places: Places::default(),
            excluded: SYSTEM_NAMESPACES.map(str::to_owned).to_vec(),
            category: None,
            dns: false,
        }
    }
}

/// The policies of a matrix in one dialect.
///
/// Errors: lines that the dialect cannot express, pods that no label tells apart, and a proof that fails; each names
/// its line. Nothing is returned then.
pub fn generate(world: &World, matrix: &Matrix, options: &Options) -> Result<String> {
    let mut matrix = matrix.clone();
    if let Some(category) = options.category {
        matrix.flows.retain(|flow| flow.category == category);
    }
    if options.dns {
        matrix.flows.push(dns_flow()?);
    }
    let plan = plan::plan(world, &matrix, options)?;
    let text = match options.dialect {
        Dialect::NetworkPolicy => standard::write(&plan, &matrix)?,
        Dialect::Cilium => cilium::write(&plan, &matrix, options)?,
        Dialect::ClusterNetworkPolicy => cluster::write(&plan, &matrix)?,
        Dialect::Nftables => return nftables::write(world, &plan, &matrix, options),
    };
    proof::prove(world, &matrix, &plan, &text, options)?;
    Ok(text)
}

/// The flow of every pod to the resolver.
pub fn dns_flow() -> Result<Flow> {
    let text = "source,destination,protocol,ports,justification\n*/*,dns,\"UDP,TCP\",53,Name resolution\n";
    let mut flow = crate::matrix::read::read("preset-dns.csv", text.as_bytes())?;
    flow.flows.pop().ok_or_else(|| {
        Error::new(
            ErrorKind::Internal,
            say!("le préréglage du résolveur est vide", "the preset of the resolver is empty"),
        )
    })
}

/// A line that a dialect cannot express.
pub fn inexpressible(flow: &Flow, dialect: Dialect, why: &str) -> Error {
    let message = say!(
        "{} : {} ne peut pas exprimer « {} » : {why}",
        "{}: {} cannot express '{}': {why}",
        flow.origin,
        dialect.name(),
        flow.text()
    );
    Error::new(ErrorKind::Inexpressible, message)
}

/// The annotation of a flow: where it stands in the matrix, and why it is there.
pub fn annotation(matrix: &Matrix, at: usize, plan: &Plan) -> (String, String) {
    let flow = &matrix.flows[at];
    let mut value = format!("{} {}", flow.origin, flow.text());
    if !flow.justification.is_empty() {
        value.push_str(&format!(" | {}", flow.justification));
    }
    if !flow.owner.is_empty() {
        value.push_str(&format!(" | {}", flow.owner));
    }
    if let Some(review) = flow.review {
        value.push_str(&format!(" | {review}"));
    }
    let width = plan.flows.to_string().len();
    (format!("intramuros/flow-{:0width$}", at + 1), value)
}
