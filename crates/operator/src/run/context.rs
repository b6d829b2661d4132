//! What does every worker share?

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::Client;

use super::isolation::Memory;
use super::metrics::Metrics;
use super::queue::Queue;
use super::rows::{ClassRow, ClusterRow, EnrolmentRow, KubeconfigRow, MachineRow, OwnSecret};
use super::table::{Key, Table};
use crate::edge::peer::{Kind, Place, transport};
use crate::names::print;
use crate::peers::netbird::NetBird;
use crate::peers::warpgate::Warpgate;
use crate::resources::connection::SecretKey;
use crate::resources::{BastionConnection, Environment, MeshConnection};

/// How the operator is started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespaces of environments; all of them when none is named.
    pub namespaces: Vec<String>,
    /// The operator's own namespace: credentials of peers, and the Lease.
    pub home: String,
    /// Who this operator is, among several.
    pub identity: String,
    /// Whether clusters may answer on this machine. For trials and tests; elsewhere such an address would lead a
    /// namespace's user to what listens beside the operator.
    pub loopback_clusters: bool,
}

/// What a worker looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// A mesh, by the name of its connection.
    Mesh(String),
    /// A bastion, by the name of its connection.
    Bastion(String),
    /// An environment, by namespace and name.
    Environment(String, String),
}

/// Copies of what is in the cluster.
pub struct Tables {
    /// Environments.
    pub environments: Arc<Table<Environment>>,
    /// Mesh connections.
    pub meshes: Arc<Table<MeshConnection>>,
    /// Bastion connections.
    pub bastions: Arc<Table<BastionConnection>>,
    /// Clusters.
    pub clusters: Arc<Table<ClusterRow>>,
    /// Machines.
    pub machines: Arc<Table<MachineRow>>,
    /// ClusterClasses.
    pub classes: Arc<Table<ClassRow>>,
    /// Kubeconfigs of clusters.
    pub kubeconfigs: Arc<Table<KubeconfigRow>>,
    /// Enrolment Secrets.
    pub enrolments: Arc<Table<EnrolmentRow>>,
    /// Secrets of our own namespace.
    pub secrets: Arc<Table<OwnSecret>>,
}

/// A peer, with the print of what it was made from.
type Peers<P> = Mutex<HashMap<String, (String, Arc<P>)>>;

/// What every worker shares.
pub struct Context {
    /// The Kubernetes API.
    pub client: Client,
    /// How the operator was started.
    pub settings: Settings,
    /// Copies of what is in the cluster.
    pub tables: Tables,
    /// What is to be looked at.
    pub queue: Queue<What>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is remembered of the policies in each cluster.
    pub memories: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<Memory>>>>,
    meshes: Peers<NetBird>,
    bastions: Peers<Warpgate>,
}

impl Context {
    /// A context before its tables are filled.
    pub fn new(client: Client, settings: Settings, metrics: Arc<Metrics>) -> Context {
        let scopes = settings.namespaces.len().max(1);
        let tables = Tables {
            environments: Table::new(scopes),
            meshes: Table::new(1),
            bastions: Table::new(1),
            clusters: Table::new(scopes),
            machines: Table::new(scopes),
            classes: Table::new(scopes),
            kubeconfigs: Table::new(scopes),
            enrolments: Table::new(scopes),
            secrets: Table::new(1),
        };
        Context {
            client,
            settings,
            tables,
            queue: Queue::default(),
            metrics,
            memories: Mutex::default(),
            meshes: Mutex::default(),
            bastions: Mutex::default(),
        }
    }

    /// Whether every table has its first list. Before that, what is missing may only not have been read yet.
    pub fn complete(&self) -> bool {
        let tables = &self.tables;
        tables.environments.complete()
            && tables.meshes.complete()
            && tables.bastions.complete()
            && tables.clusters.complete()
            && tables.machines.complete()
            && tables.classes.complete()
            && tables.kubeconfigs.complete()
            && tables.enrolments.complete()
            && tables.secrets.complete()
    }

    /// The mesh of a connection, with the credentials of the moment.
    ///
    /// # Errors
    /// What is missing, in a sentence.
    pub fn mesh(&self, connection: &MeshConnection) -> Result<Arc<NetBird>, String> {
        let spec = &connection.spec;
        let place = self.place(Kind::Mesh, &spec.url, &spec.token, spec.authorities.as_ref())?;
        peer(&self.meshes, connection.metadata.name.as_deref(), &place, NetBird::new)
    }

    /// The bastion of a connection, with the credentials of the moment.
    ///
    /// # Errors
    /// What is missing, in a sentence.
    pub fn bastion(&self, connection: &BastionConnection) -> Result<Arc<Warpgate>, String> {
        let spec = &connection.spec;
        let place = self.place(Kind::Bastion, &spec.url, &spec.token, spec.authorities.as_ref())?;
        peer(&self.bastions, connection.metadata.name.as_deref(), &place, Warpgate::new)
    }

    fn place(
        &self,
        kind: Kind,
        url: &str,
        token: &SecretKey,
        authorities: Option<&SecretKey>,
    ) -> Result<Place, String> {
        let token = String::from_utf8(self.secret(token)?)
            .map_err(|_| format!("the Secret {} holds no text under '{}'", token.secret, token.key))?;
        let authorities = authorities.map(|key| self.secret(key)).transpose()?;
        Ok(Place { kind, url: url.to_owned(), token: token.trim().to_owned(), authorities })
    }

    /// A value of a Secret in our own namespace. No other namespace is ever looked into for credentials of peers.
    fn secret(&self, key: &SecretKey) -> Result<Vec<u8>, String> {
        let missing = || format!("the Secret {}/{} has no '{}'", self.settings.home, key.secret, key.key);
        let secret = self.tables.secrets.get(&self.settings.home, &key.secret).ok_or_else(missing)?;
        secret.data.get(&key.key).cloned().ok_or_else(missing)
    }
}

/// The peer of this name; a new one when its address or credentials changed.
fn peer<P>(
    peers: &Peers<P>,
    name: Option<&str>,
    place: &Place,
    make: fn(crate::peers::Transport) -> P,
) -> Result<Arc<P>, String> {
    let authorities = place.authorities.as_deref().unwrap_or_default();
    let seal =
        print([place.url.as_bytes(), b"\0", place.token.as_bytes(), b"\0", authorities].concat().as_slice());
    let mut peers = peers.lock().unwrap_or_else(PoisonError::into_inner);
    let name = name.unwrap_or_default();
    match peers.get(name) {
        Some((known, peer)) if *known == seal => Ok(Arc::clone(peer)),
        _ => {
            let peer = Arc::new(make(transport(place)?));
            peers.insert(name.to_owned(), (seal, Arc::clone(&peer)));
            Ok(peer)
        }
    }
}
