//! What does a person declare, and what is she told about it?

pub mod condition;
pub mod connection;
pub mod environment;

pub use condition::{Condition, Verdict};
pub use connection::{BastionConnection, ConnectionStatus, MeshConnection};
pub use environment::{Environment, EnvironmentSpec, EnvironmentStatus};

/// The API group of our resources.
pub const GROUP: &str = "intramuros.eu";

/// The version of our resources.
pub const VERSION: &str = "v1alpha1";

/// The finalizer that keeps a resource until everything made for it is gone.
pub const FINALIZER: &str = "intramuros.eu/cleanup";

/// The name under which we own fields (server-side apply).
pub const MANAGER: &str = "intramuros-operator";

/// Put on an Environment by a person: objects of the same name that somebody else made are taken over.
pub const ADOPT: &str = "intramuros.eu/adopt";

/// On objects that we apply: the fingerprint of what was applied.
pub const APPLIED: &str = "intramuros.eu/applied";

/// On objects that we apply: the environment they belong to.
pub const ENVIRONMENT_LABEL: &str = "intramuros.eu/environment";

/// In the ConfigMap of an environment's matrix: the matrix of what passes, as CSV.
pub const MATRIX: &str = "matrix.csv";

/// In the same: what differs from the declared one, a line each.
pub const MATRIX_DRIFT: &str = "drift.txt";

/// Cluster API's label on everything that belongs to a cluster.
pub const CLUSTER_LABEL: &str = "cluster.x-k8s.io/cluster-name";
