//! What is done for one environment, from its tables to its status?
//!
//! The private path comes first: Cluster API calls a control plane initialised only once it has reached it. So the mesh
//! is made ready before the Cluster is asked for, and nothing of it is removed before the Cluster is gone.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::context::Context;
use super::queue::Outcome;
use super::rows::{ClusterRow, ENROLMENT_TYPE, KEY_ID, clusters};
use super::status::{Report, write};
use super::verdicts::{answers, bastion_verdict, cluster_verdict, mesh_verdict, not_allowed, verdict_of};
use super::{isolation, plain};
use crate::edge::kubeconfig::Server;
use crate::names::Identity;
use crate::peers::PeerError;
use crate::peers::netbird::{KeepKey, NetBird};
use crate::peers::warpgate::Warpgate;
use crate::plan::bastion::seen::Options;
use crate::plan::bastion::{self, Access, WantedTarget};
use crate::plan::cluster::{self, BASTION_VARIABLE, MESH_VARIABLE, Machine, Seen, Step, mesh_secret};
use crate::plan::mesh::Endpoint;
use crate::plan::{mesh, moment};
use crate::resources::condition::Verdict;
use crate::resources::connection::may_use;
use crate::resources::{
    ADOPT, BastionConnection, ENVIRONMENT_LABEL, Environment, FINALIZER, GROUP, MANAGER, MeshConnection,
    VERSION,
};
use crate::words::say;

/// How soon to look again while a machine is awaited: a key that was used must be replaced before the next one comes.
const ENROLLING: Duration = Duration::from_secs(5);

/// How soon to look again while a cluster goes. Its going is watched; this is for what a watch may miss.
const GOING: Duration = Duration::from_secs(60);

/// Everything that is known about one environment.
pub(super) struct Case<'a> {
    pub context: &'a Context,
    pub environment: Arc<Environment>,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub now: i64,
}

/// A bastion, with its connection.
type AtBastion = (Arc<BastionConnection>, Arc<Warpgate>);

/// What went wrong on the way: a verdict that is written down, after which the work is tried again.
pub(super) struct Trouble(pub Verdict);

impl From<kube::Error> for Trouble {
    fn from(error: kube::Error) -> Trouble {
        Trouble(Verdict::Unknown("KubernetesApi", plain(&error)))
    }
}

impl From<PeerError> for Trouble {
    fn from(error: PeerError) -> Trouble {
        Trouble(verdict_of(&error))
    }
}

/// Looks at one environment and does what is to be done.
pub async fn look(context: &Context, namespace: &str, name: &str) -> Outcome {
    let Some(environment) = context.tables.environments.get(namespace, name) else {
        // Gone, or a cluster of the same name that is not ours.
        context
            .memories
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .remove(&(namespace.to_owned(), name.to_owned()));
        return Outcome::Done(None);
    };
    let case = Case {
        context,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: environment.uid().unwrap_or_default(),
        now: k8s_openapi::jiff::Timestamp::now().as_second(),
        environment,
    };
    let mut report = Report::default();
    let outcome = case.work(&mut report).await;
    if case.environment.metadata.deletion_timestamp.is_some() && report.verdicts.is_empty() {
        return outcome;
    }
    if let Err(error) = write(context, &case.environment, &report, case.now).await {
        tracing::warn!(environment = name, namespace, error = %plain(&error), "the status was not written");
        return Outcome::Failed;
    }
    outcome
}

impl Case<'_> {
    async fn work(&self, report: &mut Report) -> Outcome {
        let going = self.environment.metadata.deletion_timestamp.is_some();
        if self.environment.spec.paused {
            report.say(
                "Paused",
                Verdict::No(
                    "Paused",
                    say!(
                        "spec.paused : rien n'est créé, changé ni supprimé",
                        "spec.paused: nothing is made, changed or removed"
                    ),
                ),
            );
            return Outcome::Done(None);
        }
        if going { self.remove(report).await } else { self.keep(report).await }
    }

    async fn keep(&self, report: &mut Report) -> Outcome {
        if !self.environment.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
            && let Err(error) = self.finalizers(&[FINALIZER]).await
        {
            report.say("ClusterReady", Trouble::from(error).0);
            return Outcome::Failed;
        }
        let row = self.context.tables.clusters.get(&self.namespace, &self.name);
        let row = row.filter(|row| cluster::belongs(&row.object, &self.uid));
        let seen = row.as_ref().map(|row| row.seen.clone()).unwrap_or_default();
        report.endpoint = seen.endpoint.as_ref().map(ToString::to_string);
        let mut failed = false;
        let mut again: Option<Duration> = None;
        let mut soon = |wait: Duration| again = Some(again.map_or(wait, |known: Duration| known.min(wait)));

        let path = self.mesh(&seen).await;
        let bastion = self.bastion_keys().await;
        let made = match (&path, &bastion) {
            // The first time, everything that the machines are told must be there.
            (Err(_), _) if row.is_none() => Ok(Verdict::No(
                "WaitsForMesh",
                say!(
                    "la grappe est créée quand le réseau privé est prêt pour elle",
                    "the cluster is made once the mesh is ready for it"
                ),
            )),
            (_, Err(_)) if row.is_none() => Ok(Verdict::No(
                "WaitsForBastion",
                say!(
                    "la grappe est créée quand les clés du bastion sont connues",
                    "the cluster is made once the bastion's keys are known"
                ),
            )),
            (_, keys) => self.cluster(row.as_deref(), keys.as_ref().ok().map(Vec::as_slice)).await,
        };
        report.say("ClusterReady", settle(made, &mut failed));
        if matches!(&path, Ok(plan) if plan.enrolling) {
            soon(ENROLLING);
        }
        report.say("MeshReady", settle(path.map(|plan| mesh_verdict(&plan, &seen)), &mut failed));
        if self.environment.spec.bastion.is_some() {
            let done = self.bastion(&seen, report, &mut soon).await;
            report.say("BastionReady", settle(done, &mut failed));
        }
        let isolated = self.isolation(&seen, report, &mut soon).await;
        report.say("Isolated", settle(isolated, &mut failed));
        if failed { Outcome::Failed } else { Outcome::Done(again) }
    }

    async fn remove(&self, report: &mut Report) -> Outcome {
        if !self.environment.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
            return Outcome::Done(None);
        }
        match self.removed().await {
            Ok(None) => Outcome::Done(None),
            Ok(Some(waiting)) => {
                report.say("Removed", Verdict::No("Deleting", waiting));
                Outcome::Done(Some(GOING))
            }
            Err(Trouble(verdict)) => {
                let why = verdict.message();
                let said = say!("la suppression attend : {why}", "removal waits: {why}");
                report.say("Removed", Verdict::No(verdict.reason(), said));
                Outcome::Failed
            }
        }
    }

    /// Removes everything, as far as it may go now. None when all of it is gone.
    async fn removed(&self) -> Result<Option<String>, Trouble> {
        let bastion = self.connected_bastion(false).transpose()?;
        let (mesh_connection, mesh) = self.connected_mesh(false)?;
        if let Some((connection, bastion)) = &bastion {
            bastion.lock_out(&self.identity(connection.uid()).mark()).await.map_err(|error| {
                let said = say!(
                    "l'accès des personnes ne peut être fermé : {error}",
                    "people can't be locked out: {error}"
                );
                Trouble(Verdict::Unknown("Unreachable", said))
            })?;
        }
        let api = clusters(&self.context.client, &self.namespace);
        // The table may be behind; what may be removed after the cluster must not depend on it.
        if let Some(found) = api.get_opt(&self.name).await? {
            let object = super::table::value_of(found);
            if cluster::belongs(&object, &self.uid) {
                if object.pointer("/metadata/deletionTimestamp").is_none() {
                    api.delete(&self.name, &DeleteParams::background()).await?;
                }
                return Ok(Some(say!(
                    "la grappe part d'abord ; son chemin et ses cibles restent jusque-là",
                    "the cluster goes first; the path to it and its targets stay until it is gone"
                )));
            }
        }
        if let Some((connection, bastion)) = &bastion {
            bastion.remove(&self.identity(connection.uid()).mark()).await?;
        }
        mesh.remove(&self.identity(mesh_connection.uid()).prefix()).await?;
        self.forget_key().await?;
        isolation::forget(self.context, &self.environment).await?;
        self.finalizers(&[]).await?;
        Ok(None)
    }

    async fn finalizers(&self, list: &[&str]) -> Result<(), kube::Error> {
        let api: Api<Environment> = Api::namespaced(self.context.client.clone(), &self.namespace);
        let mut patch = json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": "Environment",
            // With the id: another environment of the same name that came meanwhile is not this one.
            "metadata": { "name": self.name, "uid": self.uid },
        });
        if !list.is_empty() {
            patch["metadata"]["finalizers"] = json!(list);
        }
        match api.patch(&self.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&patch)).await {
            Err(kube::Error::Api(status)) if list.is_empty() && matches!(status.code, 404 | 409) => Ok(()),
            other => other.map(drop),
        }
    }

    fn identity(&self, home: Option<String>) -> Identity {
        Identity {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            home: home.unwrap_or_default(),
        }
    }

    /// The mesh of the environment. With `asking`, only where the namespace may use it: what was made while it might is
    /// removed all the same.
    pub(super) fn connected_mesh(
        &self,
        asking: bool,
    ) -> Result<(Arc<MeshConnection>, Arc<NetBird>), Trouble> {
        let name = &self.environment.spec.mesh;
        let connection = self.context.tables.meshes.get("", name);
        let connection =
            connection.filter(|known| !asking || may_use(&known.spec.namespaces, &self.namespace));
        let connection = connection.ok_or_else(|| not_allowed("MeshConnection", name, &self.namespace))?;
        if asking {
            answers(connection.status.as_ref())?;
        }
        let mesh = self.context.mesh(&connection).map_err(|why| Trouble(Verdict::No("Credentials", why)))?;
        Ok((connection, mesh))
    }

    pub(super) fn connected_bastion(&self, asking: bool) -> Option<Result<AtBastion, Trouble>> {
        let name = self.environment.spec.bastion.as_ref()?;
        let connection = self.context.tables.bastions.get("", name);
        let connection =
            connection.filter(|known| !asking || may_use(&known.spec.namespaces, &self.namespace));
        Some(connection.ok_or_else(|| not_allowed("BastionConnection", name, &self.namespace)).and_then(
            |connection| {
                if asking {
                    answers(connection.status.as_ref())?;
                }
                let bastion = self
                    .context
                    .bastion(&connection)
                    .map_err(|why| Trouble(Verdict::No("Credentials", why)))?;
                Ok((connection, bastion))
            },
        ))
    }

    fn machines(&self) -> Vec<Machine> {
        let table = &self.context.tables.machines;
        table.of_cluster(&self.namespace, &self.name)
    }

    async fn mesh(&self, seen: &Seen) -> Result<mesh::Plan, Trouble> {
        let (connection, netbird) = self.connected_mesh(true)?;
        if let Some(endpoint) = &seen.endpoint
            && !self.context.settings.loopback_clusters
        {
            isolation::inside(endpoint).map_err(|why| Trouble(Verdict::No("Endpoint", why)))?;
        }
        let wanted = self.in_mesh(&connection, seen);
        let stored = wanted.stored_key.is_some();
        let plan = netbird.converge(wanted, &self.keep_key()).await?;
        if !plan.enrolling && stored {
            self.forget_key().await?;
        }
        Ok(plan)
    }

    /// What the environment needs in the mesh.
    pub(super) fn in_mesh(&self, connection: &MeshConnection, seen: &Seen) -> mesh::Wanted {
        let spec = &self.environment.spec;
        // A class that takes no key makes machines that do not enrol (trials).
        let class = self.context.tables.classes.get(&self.namespace, &spec.class);
        let enrols = class.is_none_or(|class| class.variables.contains(MESH_VARIABLE));
        let counts = |machine: &Machine| enrols && machine.control_plane && !machine.deleting;
        let mut machines: Vec<Vec<String>> =
            self.machines().into_iter().filter(counts).map(|machine| machine.names).collect();
        machines.sort();
        let stored = self.context.tables.enrolments.get(&self.namespace, &mesh_secret(&self.name));
        let replicas = usize::try_from(spec.size.control_plane).unwrap_or(1);
        mesh::Wanted {
            identity: self.identity(connection.uid()),
            management_group: connection.spec.management_group.clone(),
            endpoint: seen.endpoint.clone(),
            machines,
            replicas: if enrols { replicas } else { 0 },
            bastion: connection.spec.bastion_group.clone().filter(|_| spec.bastion.is_some()).map(|group| {
                let address = |machine: Machine| Some((machine.name, machine.address?));
                let mut machines: Vec<_> = self.machines().into_iter().filter_map(address).collect();
                machines.sort();
                mesh::Bastion { group, machines }
            }),
            stored_key: stored.as_ref().map(|row| row.key_id.clone()),
            domain: connection
                .spec
                .domain
                .as_ref()
                .map(|domain| format!("{}.{}.{domain}", self.name, self.namespace)),
            now: self.now,
        }
    }

    /// Puts a new key into the environment's Secret.
    fn keep_key(&self) -> KeepKey {
        let api: Api<Secret> = Api::namespaced(self.context.client.clone(), &self.namespace);
        let (name, environment, uid) = (mesh_secret(&self.name), self.name.clone(), self.uid.clone());
        Arc::new(move |id, key| {
            let secret = json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "type": ENROLMENT_TYPE,
                "metadata": {
                    "name": name,
                    "labels": { ENVIRONMENT_LABEL: environment },
                    "annotations": { KEY_ID: id },
                    "ownerReferences": [cluster::owner(&environment, &uid)],
                },
                "stringData": { "key": key },
            });
            let (api, name) = (api.clone(), name.clone());
            Box::pin(async move {
                let parameters = PatchParams::apply(MANAGER).force();
                api.patch(&name, &parameters, &Patch::Apply(&secret))
                    .await
                    .map(drop)
                    .map_err(|error| plain(&error))
            })
        })
    }

    async fn forget_key(&self) -> Result<(), kube::Error> {
        let name = mesh_secret(&self.name);
        if self.context.tables.enrolments.get(&self.namespace, &name).is_none() {
            return Ok(());
        }
        let api: Api<Secret> = Api::namespaced(self.context.client.clone(), &self.namespace);
        match api.delete(&name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.map(drop),
        }
    }

    /// The bastion's public keys, where the class wants them.
    pub(super) async fn bastion_keys(&self) -> Result<Vec<String>, Trouble> {
        let class = self.context.tables.classes.get(&self.namespace, &self.environment.spec.class);
        if !class.is_some_and(|class| class.variables.contains(BASTION_VARIABLE)) {
            return Ok(Vec::new());
        }
        match self.connected_bastion(true) {
            None => Ok(Vec::new()),
            Some(connected) => Ok(connected?.1.keys().await?),
        }
    }

    async fn cluster(&self, row: Option<&ClusterRow>, keys: Option<&[String]>) -> Result<Verdict, Trouble> {
        let class = self.context.tables.classes.get(&self.namespace, &self.environment.spec.class);
        let Some(class) = class else {
            let class = &self.environment.spec.class;
            return Ok(Verdict::No("NoClass", no_class(class, &self.namespace)));
        };
        let seen = row.map(|row| row.seen.clone()).unwrap_or_default();
        let Some(keys) = keys else {
            // What the machines are told of the bastion stays as it is until the bastion answers.
            return Ok(cluster_verdict(&seen));
        };
        let (account, mesh_url) = (self.bastion_account(), self.mesh_url());
        let wanted = cluster::Wanted {
            namespace: &self.namespace,
            name: &self.name,
            uid: &self.uid,
            spec: &self.environment.spec,
            class_variables: &class.variables,
            bastion_keys: keys,
            bastion_account: account.as_deref(),
            mesh_url: mesh_url.as_deref(),
        };
        let api = clusters(&self.context.client, &self.namespace);
        let found = match row {
            Some(row) => Some(row.object.clone()),
            None => api.get_opt(&self.name).await?.map(super::table::value_of),
        };
        match cluster::step(&wanted, found.as_ref(), self.adopts()) {
            Step::Nothing => {}
            Step::Conflict => {
                let name = &self.name;
                let message = say!(
                    "le Cluster {name} est à quelqu'un d'autre ; annoter l'environnement avec {ADOPT}=true pour le reprendre",
                    "the Cluster {name} belongs to somebody else; annotate the environment with {ADOPT}=true to take it over"
                );
                return Ok(Verdict::No("Conflict", message));
            }
            Step::Apply(manifest) => {
                let parameters = PatchParams::apply(MANAGER).force();
                api.patch(&self.name, &parameters, &Patch::Apply(&manifest)).await?;
            }
        }
        Ok(cluster_verdict(&seen))
    }

    /// The account on machines that the bastion signs in with.
    pub(super) fn bastion_account(&self) -> Option<String> {
        let bastion = self.context.tables.bastions.get("", self.environment.spec.bastion.as_ref()?)?;
        Some(bastion.spec.account.clone())
    }

    /// Where machines enrol.
    pub(super) fn mesh_url(&self) -> Option<String> {
        Some(self.context.tables.meshes.get("", &self.environment.spec.mesh)?.spec.url.clone())
    }

    pub(super) fn adopts(&self) -> bool {
        self.environment.annotations().get(ADOPT).is_some_and(|value| value == "true")
    }

    async fn bastion(
        &self,
        seen: &Seen,
        report: &mut Report,
        soon: &mut impl FnMut(Duration),
    ) -> Result<Verdict, Trouble> {
        let Some(connected) = self.connected_bastion(true) else {
            return Ok(Verdict::Yes("None", say!("aucun bastion n'est déclaré", "no bastion is declared")));
        };
        let (connection, warpgate) = connected?;
        let wanted = self.at_bastion(&connection, seen);
        let ends = wanted.people.iter().filter_map(|(_, until)| *until);
        for end in ends.filter(|until| *until > self.now) {
            soon(Duration::from_secs((end - self.now).unsigned_abs()));
        }
        let plan = warpgate.converge(&wanted).await?;
        report.targets.clone_from(&plan.targets);
        report.tickets.clone_from(&plan.tickets);
        report.ssh.clone_from(&connection.spec.ssh);
        report.kubernetes.clone_from(&connection.spec.kubernetes);
        Ok(bastion_verdict(&plan))
    }

    pub(super) fn at_bastion(&self, connection: &BastionConnection, seen: &Seen) -> bastion::Wanted {
        let spec = &self.environment.spec;
        let machine = |machine: Machine| {
            let options =
                Options::Ssh { host: machine.address?, port: 22, username: connection.spec.account.clone() };
            Some(WantedTarget { suffix: machine.name, options, access: Access::OwnKey })
        };
        let mut targets: Vec<WantedTarget> = self.machines().into_iter().filter_map(machine).collect();
        targets.sort_by(|a, b| a.suffix.cmp(&b.suffix));
        targets.extend(self.cluster_target(connection, seen));
        bastion::Wanted {
            identity: self.identity(connection.uid()),
            adopt: self.adopts() && connection.spec.adoption,
            targets,
            tickets: spec.tickets.as_ref().map(|tickets| bastion::WantedTickets {
                seconds: tickets.hours * 3600,
                approval: tickets.approval,
                people: tickets.people.clone(),
                approvers: tickets.approvers.clone(),
            }),
            people: spec
                .administrators
                .iter()
                .map(|person| (person.name.clone(), person.until.as_deref().and_then(moment::seconds)))
                .collect(),
            require_recordings: connection.spec.require_recordings,
            now: self.now,
        }
    }

    /// The target of the cluster's API, once there is a certificate to sign in with.
    fn cluster_target(&self, connection: &BastionConnection, seen: &Seen) -> Option<WantedTarget> {
        let endpoint = seen.endpoint.as_ref().filter(|_| seen.initialized)?;
        let kubeconfig = self.kubeconfig()?;
        let server = Server::of_secret(&kubeconfig, endpoint).ok()?;
        let (certificate, key) = server.identity?;
        Some(WantedTarget {
            suffix: String::new(),
            options: Options::Kubernetes { cluster_url: server.url, verify: connection.spec.verify_clusters },
            access: Access::Certificate {
                certificate: String::from_utf8(certificate).ok()?,
                key: String::from_utf8(key).ok()?,
            },
        })
    }

    fn kubeconfig(&self) -> Option<String> {
        let name = format!("{}-kubeconfig", self.name);
        self.context.tables.kubeconfigs.get(&self.namespace, &name).map(|row| row.text.clone())
    }

    /// Where the cluster answers and with what, once it does.
    pub(super) fn answering(&self, seen: &Seen) -> Option<(Endpoint, String)> {
        let kubeconfig = self.kubeconfig()?;
        seen.endpoint.clone().filter(|_| seen.holds("RemoteConnectionProbe")).map(|at| (at, kubeconfig))
    }

    async fn isolation(
        &self,
        seen: &Seen,
        report: &mut Report,
        soon: &mut impl FnMut(Duration),
    ) -> Result<Verdict, Trouble> {
        let Some((endpoint, kubeconfig)) = self.answering(seen) else {
            return Ok(Verdict::No(
                "WaitsForCluster",
                say!(
                    "les politiques sont appliquées quand la grappe répond par le réseau privé",
                    "policies are applied once the cluster answers through the mesh"
                ),
            ));
        };
        soon(isolation::EVERY);
        let kept = isolation::keep(self.context, &self.environment, &endpoint, &kubeconfig).await;
        let kept = kept.map_err(|why| Trouble(Verdict::Unknown("Unreachable", isolation::unasked(&why))))?;
        report.happened.extend(kept.told.into_iter().map(|said| ("Drift", said)));
        Ok(kept.verdict)
    }
}

pub(super) fn no_class(class: &str, namespace: &str) -> String {
    say!(
        "il n'y a pas de ClusterClass '{class}' dans {namespace}",
        "there is no ClusterClass '{class}' in {namespace}"
    )
}

fn settle(done: Result<Verdict, Trouble>, failed: &mut bool) -> Verdict {
    done.unwrap_or_else(|Trouble(verdict)| {
        *failed = true;
        verdict
    })
}
