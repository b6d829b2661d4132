//! How is a NetBird mesh looked at, and how are planned changes carried out in it?

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use serde::Deserialize;
use tokio::time::Instant;

use super::held::Held;
use super::{Call, Link, PeerError, Reply, Transport, accept, id_of, read};
use crate::plan::mesh::seen::{Mesh, Network, Resource, Router};
use crate::plan::mesh::{self, Action, Plan, Wanted};

const PEER: &str = "NetBird";

/// Rounds of planning and doing for one environment at a time. A new one needs three; more means that somebody undoes
/// what we do, and then the next attempt waits.
const MAX_ROUNDS: usize = 8;

/// How old peers and keys may be while a machine is awaited: all environments that wait share one look.
const GLANCE: Duration = Duration::from_secs(4);

/// Puts a new enrolment key (its id and the key itself) where the machines find it.
pub type KeepKey = Arc<dyn Fn(String, String) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// One mesh.
pub struct NetBird {
    link: Link,
    held: Held<Mesh>,
    glanced: Mutex<Option<Instant>>,
}

impl NetBird {
    /// The mesh behind this transport.
    pub fn new(transport: Transport) -> NetBird {
        NetBird { link: Link::new(PEER, transport), held: Held::default(), glanced: Mutex::new(None) }
    }

    /// Looks at the whole mesh, and says whether it differs from what we believed.
    ///
    /// # Errors
    /// Why it can't be looked at.
    pub async fn look(&self) -> Result<bool, PeerError> {
        self.held.look(self.observe()).await
    }

    /// How old our picture is; none without one.
    pub fn age(&self) -> Option<Duration> {
        self.held.age()
    }

    /// Reads our picture; none before the first look.
    pub fn picture<T>(&self, reader: impl FnOnce(&Mesh) -> T) -> Option<T> {
        self.held.read(reader)
    }

    /// What would be done for an environment.
    ///
    /// # Errors
    /// Why the mesh can't be looked at.
    pub async fn plan(&self, wanted: &Wanted) -> Result<Plan, PeerError> {
        self.with(|mesh| mesh::plan(wanted, mesh)).await
    }

    /// Makes the mesh what an environment needs. Gives what is left: waiting for something, or nothing.
    ///
    /// # Errors
    /// The first thing that failed. Asking again goes on from there.
    pub async fn converge(&self, mut wanted: Wanted, keep: &KeepKey) -> Result<Plan, PeerError> {
        let mut plan = self.plan(&wanted).await?;
        if plan.enrolling {
            self.glance().await?;
            plan = self.plan(&wanted).await?;
        }
        for _ in 0..MAX_ROUNDS {
            if plan.actions.is_empty() {
                return Ok(plan);
            }
            for action in &plan.actions {
                if let Some((id, key)) = self.act(action, wanted.now).await? {
                    keep(id.clone(), key).await.map_err(PeerError::Strange)?;
                    wanted.stored_key = Some(id);
                }
            }
            plan = self.plan(&wanted).await?;
        }
        Err(PeerError::Strange("the mesh is changed by somebody else at the same time".to_owned()))
    }

    /// Removes everything whose names begin with `prefix`.
    ///
    /// # Errors
    /// The first thing that failed. Asking again goes on from there.
    pub async fn remove(&self, prefix: &str) -> Result<(), PeerError> {
        for _ in 0..MAX_ROUNDS {
            let actions = self.with(|mesh| mesh::removal(prefix, mesh)).await?;
            if actions.is_empty() {
                return Ok(());
            }
            for action in &actions {
                self.act(action, 0).await?;
            }
        }
        Err(PeerError::Strange("the mesh is changed by somebody else at the same time".to_owned()))
    }

    /// Removes what requests made that were given up and carried out after their environment was gone. `known` are the
    /// last parts of the names of environments that exist. Gives how many were found.
    ///
    /// # Errors
    /// The first thing that failed.
    pub async fn sweep(&self, home: &str, known: &BTreeSet<String>) -> Result<usize, PeerError> {
        let orphans = self.with(|mesh| mesh::orphans(home, known, mesh)).await?;
        for prefix in &orphans {
            self.remove(prefix).await?;
        }
        Ok(orphans.len())
    }

    /// Carries one action out. An enrolment gives the key's id and the key.
    async fn act(&self, action: &Action, now: i64) -> Result<Option<(String, String)>, PeerError> {
        let _gate = self.held.changing().await;
        let call = action.call();
        let done = self.link.send(&call).await.and_then(|reply| {
            // A group that is gone is answered as one that is in use: only a look can tell.
            if matches!(action, Action::DeleteGroup { .. }) && reply.status == 400 {
                self.held.doubt();
                return Ok(None);
            }
            let gone = action.removes() && matches!(reply.status, 404);
            let reply = if gone { Reply { status: 200, ..reply } } else { accept(PEER, &call, reply)? };
            let id = if action.removes() { String::new() } else { id_of(PEER, &call, &reply)? };
            let key = matches!(action, Action::Enrol { .. }).then(|| key_of(&call, &reply)).transpose()?;
            Ok(Some((id, key)))
        });
        match done {
            Ok(None) => Ok(None),
            Ok(Some((id, key))) => {
                self.held.write(|mesh| action.absorb(mesh, &id, now));
                Ok(key.map(|key| (id, key)))
            }
            Err(error) => {
                // Lost, refused or strange: the mesh knows better than we do.
                self.held.doubt();
                Err(error)
            }
        }
    }

    async fn with<T>(&self, reader: impl Fn(&Mesh) -> T) -> Result<T, PeerError> {
        self.held.with(self.observe(), reader).await
    }

    /// Looks at peers and keys alone, unless that was done a moment ago.
    async fn glance(&self) -> Result<(), PeerError> {
        let recent = || {
            let last = *self.glanced.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            last.is_some_and(|at| at.elapsed() < GLANCE) || self.held.age().is_some_and(|age| age < GLANCE)
        };
        if recent() {
            return Ok(());
        }
        let _gate = self.held.looking().await;
        if recent() {
            return Ok(());
        }
        let peers = self.list("/api/peers").await?;
        let keys = self.list("/api/setup-keys").await?;
        self.held.write(|mesh| {
            mesh.peers = peers;
            mesh.keys = keys;
        });
        *self.glanced.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Instant::now());
        Ok(())
    }

    async fn observe(&self) -> Result<Mesh, PeerError> {
        let mut mesh = Mesh {
            groups: self.list("/api/groups").await?,
            keys: self.list("/api/setup-keys").await?,
            networks: self.list("/api/networks").await?,
            policies: self.list("/api/policies").await?,
            peers: self.list("/api/peers").await?,
            zones: self.list("/api/dns/zones").await?,
        };
        // All routers come in one list; a network says which are its own.
        let routers: Vec<Router> = self.list("/api/networks/routers").await?;
        for network in mesh.networks.iter_mut().filter(|network| network.name.starts_with("im-")) {
            network.routers =
                routers.iter().filter(|router| network.router_ids.contains(&router.id)).cloned().collect();
            if !network.resource_ids.is_empty() {
                network.resources = self.resources(network).await?;
            }
        }
        // Only what decisions look at: ids that our own changes do not keep up would differ for ever.
        for network in &mut mesh.networks {
            network.router_ids.clear();
            network.resource_ids.clear();
        }
        Ok(mesh)
    }

    async fn resources(&self, network: &Network) -> Result<Vec<Resource>, PeerError> {
        self.list(&format!("/api/networks/{}/resources", network.id)).await
    }

    async fn list<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, PeerError> {
        let found: Option<Vec<T>> = self.link.ask(path).await?;
        Ok(found.unwrap_or_default())
    }
}

fn key_of(call: &Call, reply: &Reply) -> Result<String, PeerError> {
    #[derive(Deserialize)]
    struct Key {
        key: String,
    }
    Ok(read::<Key>(PEER, call, reply)?.key)
}
