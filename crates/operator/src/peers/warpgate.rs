//! How is a Warpgate bastion looked at, and how are planned changes carried out at it?

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use super::held::Held;
use super::{Link, PeerError, Transport, accept, id_of};
use crate::plan::bastion::seen::{Bastion, Grant};
use crate::plan::bastion::{self, Action, Plan, Wanted};
use crate::plan::moment;

const PEER: &str = "Warpgate";

/// Rounds of planning and doing for one environment at a time. A new one needs three.
const MAX_ROUNDS: usize = 8;

/// One bastion.
pub struct Warpgate {
    link: Link,
    held: Held<Bastion>,
}

impl Warpgate {
    /// The bastion behind this transport.
    pub fn new(transport: Transport) -> Warpgate {
        Warpgate { link: Link::new(PEER, transport), held: Held::default() }
    }

    /// Looks at the whole bastion, and says whether it differs from what we believed.
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
    pub fn picture<T>(&self, reader: impl FnOnce(&Bastion) -> T) -> Option<T> {
        self.held.read(reader)
    }

    /// The public keys that the bastion signs in with.
    ///
    /// # Errors
    /// Why it can't be looked at.
    pub async fn keys(&self) -> Result<Vec<String>, PeerError> {
        self.with(|bastion| bastion.keys.clone()).await
    }

    /// What would be done for an environment.
    ///
    /// # Errors
    /// Why the bastion can't be looked at.
    pub async fn plan(&self, wanted: &Wanted) -> Result<Plan, PeerError> {
        self.with(|bastion| bastion::plan(wanted, bastion)).await
    }

    /// Makes the bastion what an environment needs. Gives what is left: conflicts, strangers, or nothing.
    ///
    /// # Errors
    /// The first thing that failed. Asking again goes on from there.
    pub async fn converge(&self, wanted: &Wanted) -> Result<Plan, PeerError> {
        for _ in 0..MAX_ROUNDS {
            let plan = self.plan(wanted).await?;
            if plan.actions.is_empty() {
                return Ok(plan);
            }
            self.carry_out(&plan.actions).await?;
        }
        Err(PeerError::Strange("the bastion is changed by somebody else at the same time".to_owned()))
    }

    /// Lets nobody in any more.
    ///
    /// # Errors
    /// The first thing that failed. Asking again goes on from there.
    pub async fn lock_out(&self, mark: &str) -> Result<(), PeerError> {
        let actions = self.with(|bastion| bastion::lock_out(mark, bastion)).await?;
        self.carry_out(&actions).await
    }

    /// Removes everything that bears a mark.
    ///
    /// # Errors
    /// The first thing that failed. Asking again goes on from there.
    pub async fn remove(&self, mark: &str) -> Result<(), PeerError> {
        for _ in 0..MAX_ROUNDS {
            let actions = self.with(|bastion| bastion::removal(mark, bastion)).await?;
            if actions.is_empty() {
                return Ok(());
            }
            self.carry_out(&actions).await?;
        }
        Err(PeerError::Strange("the bastion is changed by somebody else at the same time".to_owned()))
    }

    /// Removes what requests made that were given up and carried out after their environment was gone. `known` are the
    /// last parts of the marks of environments that exist. Gives how many were found.
    ///
    /// # Errors
    /// The first thing that failed.
    pub async fn sweep(&self, home: &str, known: &BTreeSet<String>) -> Result<usize, PeerError> {
        let orphans = self.with(|bastion| bastion::orphans(home, known, bastion)).await?;
        for mark in &orphans {
            self.remove(mark).await?;
        }
        Ok(orphans.len())
    }

    async fn carry_out(&self, actions: &[Action]) -> Result<(), PeerError> {
        for action in actions {
            self.act(action).await?;
        }
        Ok(())
    }

    async fn act(&self, action: &Action) -> Result<(), PeerError> {
        let _gate = self.held.changing().await;
        let call = action.call();
        let done = self.link.send(&call).await.and_then(|reply| {
            let done =
                (action.removes() && reply.status == 404) || (action.repeatable() && reply.status == 409);
            if !done {
                let reply = accept(PEER, &call, reply)?;
                if matches!(action, Action::PutRole { .. } | Action::PutTarget { .. }) {
                    return id_of(PEER, &call, &reply);
                }
            }
            Ok(String::new())
        });
        match done {
            Ok(id) => {
                self.held.write(|bastion| action.absorb(bastion, &id));
                Ok(())
            }
            Err(error) => {
                // Lost, refused or strange: the bastion knows better than we do.
                self.held.doubt();
                Err(error)
            }
        }
    }

    async fn with<T>(&self, reader: impl Fn(&Bastion) -> T) -> Result<T, PeerError> {
        self.held.with(self.observe(), reader).await
    }

    async fn observe(&self) -> Result<Bastion, PeerError> {
        #[derive(Deserialize)]
        struct Parameters {
            recordings_enable: bool,
            ticket_self_service_enabled: bool,
            ticket_request_show_all_targets: bool,
        }
        #[derive(Deserialize)]
        struct Key {
            public_key: String,
        }
        #[derive(Deserialize)]
        struct Assignment {
            id: String,
            #[serde(default)]
            expires_at: Option<String>,
        }
        let parameters: Parameters = self.link.ask("/parameters").await?;
        let keys: Vec<Key> = self.link.ask("/ssh/own-keys").await?;
        let mut bastion = Bastion {
            roles: self.link.ask("/roles").await?,
            targets: self.link.ask("/targets").await?,
            users: self.link.ask("/users").await?,
            grants: Vec::new(),
            // Tickets before requests: a ticket whose request is not seen yet would be taken for one without approval.
            tickets: self.link.ask("/tickets").await?,
            requests: self.link.ask("/ticket-requests").await?,
            recordings: parameters.recordings_enable,
            asking: parameters.ticket_self_service_enabled,
            asking_without_role: parameters.ticket_request_show_all_targets,
            keys: keys.into_iter().map(|key| key.public_key).collect(),
        };
        for user in &bastion.users {
            let assignments: Vec<Assignment> = self.link.ask(&format!("/users/{}/roles", user.id)).await?;
            bastion.grants.extend(assignments.into_iter().map(|assignment| Grant {
                user: user.id.clone(),
                role: assignment.id,
                until: assignment.expires_at.as_deref().and_then(moment::seconds),
            }));
        }
        Ok(bastion)
    }
}
