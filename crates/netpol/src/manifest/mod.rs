//! What do these Kubernetes manifests declare?

use crate::language::say;
pub mod admin;
pub mod calico;
pub mod cilium;
mod expression;
pub mod fields;
pub mod network_policy;
pub mod service;
pub mod workload;

use crate::document::{self, Node, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::model::labels::NAMESPACE_NAME;
use crate::model::policy::{Dialect, Order, Policy, Tier};
use crate::model::world::{self, Mention, World};
use fields::Fields;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

/// The largest manifest that is read: `kubectl get -o yaml` of 50,000 pods stays below.
pub const MAX_FILE_BYTES: usize = 512 * 1024 * 1024;
/// `List` objects inside `List` objects that no tool writes.
const MAX_LIST_DEPTH: usize = 4;

/// A text to read and what to call it in messages.
#[derive(Clone, Debug)]
pub struct Input {
    /// The file as given, or `-`.
    pub name: Arc<str>,
    /// Its content.
    pub text: String,
    /// Whether it was found in a folder rather than named: then objects that are no manifests (values, reports) are
    /// left out with a warning instead of an error.
    pub found: bool,
}

impl Input {
    /// A text under a name.
    pub fn new(name: &str, text: impl Into<String>) -> Self {
        Self { name: Arc::from(name), text: text.into(), found: false }
    }

    /// A text of a file that was found in a folder.
    pub fn found(name: &str, text: impl Into<String>) -> Self {
        Self { found: true, ..Self::new(name, text) }
    }
}

/// Reads all inputs into one world.
///
/// Errors: every broken object of every input, one line each; nothing is returned from half-read input.
pub fn read(inputs: &[Input]) -> Result<World> {
    let mut reader = Reader::default();
    for input in inputs {
        reader.input(input);
    }
    reader.finish()
}

/// Whether a document of a folder is meant as a manifest: an object with a kind, or a list of such objects.
fn is_object(node: &Node) -> bool {
    match &node.value {
        Value::List(items) => items.iter().any(|item| item.get("kind").is_some()),
        _ => node.get("kind").is_some() || node.get("apiVersion").is_some(),
    }
}

/// Whether a kind is a policy of a dialect that is read here.
fn is_policy(kind: &str) -> bool {
    kind.contains("NetworkPolicy")
}

#[derive(Default)]
struct Reader {
    world: World,
    workloads: Vec<workload::Workload>,
    errors: Vec<Error>,
    /// Calico's tiers, and the policies that name one: dialect, namespace, name, tier.
    tiers: Vec<calico::DeclaredTier>,
    in_tiers: Vec<(Dialect, Option<String>, String, String)>,
    /// Where the policies of one object stand in `World::policies`.
    places: HashMap<(Dialect, Option<String>, String), Range<usize>>,
    seen: HashMap<(String, String, String, String), crate::error::Origin>,
}

/// What every object has.
pub struct Meta {
    /// Its namespace, `default` when it names none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Reader {
    fn input(&mut self, input: &Input) {
        if input.text.len() > MAX_FILE_BYTES {
            let message = say!(
                "{} : plus grand que {} Mo",
                "{}: larger than {} MB",
                input.name,
                MAX_FILE_BYTES / 1024 / 1024
            );
            self.errors.push(Error::new(ErrorKind::Input, message));
            return;
        }
        match document::parse(&input.text, &input.name) {
            Ok(documents) => {
                let fields = Fields { file: Arc::clone(&input.name) };
                for document in documents.iter().filter(|document| !document.is_null()) {
                    if input.found && !is_object(document) {
                        let message = say!(
                            "{} : laissé de côté : ce n'est pas un objet Kubernetes (kind manque)",
                            "{}: left out: this is not a Kubernetes object (kind is missing)",
                            fields.origin(document)
                        );
                        self.world.warnings.push(message);
                        continue;
                    }
                    self.object(&fields, document, 0);
                }
            }
            Err(error) => self.errors.push(error),
        }
    }

    fn object(&mut self, fields: &Fields, node: &Node, depth: usize) {
        self.typed(fields, node, depth, None);
    }

    /// An object; `inherited` is what the list around it says its items are, for those that do not say it again.
    fn typed(&mut self, fields: &Fields, node: &Node, depth: usize, inherited: Option<(&str, &str)>) {
        if node.is_null() {
            return;
        }
        if let Err(error) = self.try_object(fields, node, depth, inherited) {
            self.errors.push(error);
        }
    }

    fn try_object(
        &mut self,
        fields: &Fields,
        node: &Node,
        depth: usize,
        inherited: Option<(&str, &str)>,
    ) -> Result<()> {
        if let Value::List(items) = &node.value {
            if depth >= MAX_LIST_DEPTH {
                return Err(fields.fail(node, say!("des listes dans des listes", "lists inside lists")));
            }
            items.iter().for_each(|item| self.object(fields, item, depth + 1));
            return Ok(());
        }
        let own = fields.text(node, "kind")?;
        let Some(kind) = own.or(inherited.map(|(_, kind)| kind)) else {
            let error = fields.fail(
                node,
                say!(
                    "ce n'est pas un objet Kubernetes : kind manque",
                    "this is not a Kubernetes object: kind is missing"
                ),
            );
            return Err(error.hint(say!(
                "les fichiers de valeurs et de kustomization ne sont pas des manifestes : les rendre d'abord",
                "values files and kustomization files are not manifests: render them first"
            )));
        };
        let version =
            fields.text(node, "apiVersion")?.or(inherited.map(|(version, _)| version)).unwrap_or_default();
        if let Some(item_kind) = kind.strip_suffix("List").filter(|_| node.get("items").is_some()) {
            if depth >= MAX_LIST_DEPTH {
                return Err(fields.fail(node, say!("des listes dans des listes", "lists inside lists")));
            }
            // The items of a PodList leave their kind out, those of a List do not.
            let inherited = (!item_kind.is_empty()).then_some((version, item_kind));
            for item in fields.list(node, "items")? {
                self.typed(fields, item, depth + 1, inherited);
            }
            return Ok(());
        }
        self.dispatch(fields, node, version, kind)
    }

    fn dispatch(&mut self, fields: &Fields, node: &Node, version: &str, kind: &str) -> Result<()> {
        let group = version.split_once('/').map_or("", |(group, _)| group);
        match (group, kind) {
            ("", "Namespace") => self.namespace(fields, node),
            ("", "Node") => self.node(fields, node),
            ("", "ConfigMap") => self.config_map(fields, node),
            ("", "ServiceAccount") => {
                let meta = self.meta(fields, node, kind)?;
                let labels = fields.labels(node.at(&["metadata", "labels"]))?;
                self.world.service_accounts.insert((meta.namespace, meta.name), labels);
                Ok(())
            }
            ("", "Service") => {
                let meta = self.meta(fields, node, kind)?;
                self.world.services.push(service::read_service(fields, node, meta)?);
                Ok(())
            }
            _ if workload::is_workload(group, kind) => {
                let meta = self.meta(fields, node, kind)?;
                self.workloads.extend(workload::read(fields, node, kind, meta)?);
                Ok(())
            }
            _ if service::is_route(group, kind) => {
                let meta = self.meta(fields, node, kind)?;
                self.world.routes.extend(service::read_routes(fields, node, kind, &meta)?);
                Ok(())
            }
            _ => self.policy(fields, node, version, kind),
        }
    }

    /// Keeps the policies of an object. The same object again changes nothing; another one of the same name is
    /// refused, since which of them counts would depend on the order of the files.
    fn keep(&mut self, found: Vec<Policy>) -> Result<()> {
        let Some(first) = found.first() else { return Ok(()) };
        let key = (first.dialect, first.namespace.clone(), first.name.clone());
        let start = self.world.policies.len();
        let known = match self.places.entry(key) {
            Entry::Vacant(place) => {
                place.insert(start..start + found.len());
                self.world.policies.extend(found);
                return Ok(());
            }
            Entry::Occupied(place) => &self.world.policies[place.get().clone()],
        };
        let twin = &known[0];
        let (title, twin) = (first.title(), twin.origin.clone());
        let same = known.len() == found.len()
            && known.iter().zip(&found).all(|(known, again)| known.says_the_same(again));
        if same {
            self.world.warnings.push(say!(
                "{} : {title} est donnée à nouveau, comme en {twin}",
                "{}: {title} is given again, as at {twin}",
                first.origin
            ));
            return Ok(());
        }
        let message = say!(
            "{title} est donnée deux fois, et l'autre ({twin}) dit autre chose",
            "{title} is given twice, and the other one ({twin}) says something else"
        );
        Err(Error::input(&first.origin, message)
            .hint(say!("ne donner que les fichiers qui comptent", "give only the files that count")))
    }

    fn policy(&mut self, fields: &Fields, node: &Node, version: &str, kind: &str) -> Result<()> {
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let found = match (group, kind) {
            ("networking.k8s.io" | "extensions", "NetworkPolicy") => {
                let meta = self.meta(fields, node, kind)?;
                vec![network_policy::read(fields, node, meta)?]
            }
            ("policy.networking.k8s.io", "AdminNetworkPolicy" | "BaselineAdminNetworkPolicy") => {
                let meta = self.meta(fields, node, kind)?;
                vec![admin::read_admin(fields, node, kind, meta, &mut self.world.warnings)?]
            }
            ("policy.networking.k8s.io", "ClusterNetworkPolicy") => {
                let meta = self.meta(fields, node, kind)?;
                vec![admin::read_cluster(fields, node, meta, &mut self.world.warnings)?]
            }
            ("cilium.io", "CiliumNetworkPolicy" | "CiliumClusterwideNetworkPolicy") => {
                let meta = self.meta(fields, node, kind)?;
                cilium::read(fields, node, kind, meta, &mut self.world.warnings)?
            }
            (group, "NetworkPolicy" | "GlobalNetworkPolicy") if calico::is_calico(group) => {
                let meta = self.meta(fields, node, kind)?;
                let (found, tier) = calico::read(fields, node, kind, &meta, &mut self.world.warnings)?;
                if let (Some(tier), Some(first)) = (tier, found.first()) {
                    self.in_tiers.push((first.dialect, first.namespace.clone(), first.name.clone(), tier));
                }
                found
            }
            (group, "Tier") if calico::is_calico(group) => {
                let meta = self.meta(fields, node, kind)?;
                self.tiers.push(calico::read_tier(fields, node, meta.name)?);
                return Ok(());
            }
            ("", "NetworkPolicy") if version.is_empty() => {
                return Err(fields.fail(node, say!("apiVersion manque", "apiVersion is missing")));
            }
            _ => {
                self.other(fields, node, version, kind)?;
                Vec::new()
            }
        };
        self.keep(found)
    }

    /// Objects that change who may talk to whom must be understood; the others are left alone.
    fn other(&mut self, fields: &Fields, node: &Node, version: &str, kind: &str) -> Result<()> {
        if kind.starts_with("Staged") && is_policy(kind) {
            let origin = fields.origin(node);
            self.world.warnings.push(say!(
                "{origin} : {kind} n'impose encore rien : laissé de côté",
                "{origin}: {kind} enforces nothing yet: left out"
            ));
            return Ok(());
        }
        if kind == "MultiNetworkPolicy" {
            let origin = fields.origin(node);
            self.world.warnings.push(say!(
                "{origin} : {kind} régit des réseaux secondaires : laissé de côté",
                "{origin}: {kind} governs secondary networks: left out"
            ));
            return Ok(());
        }
        if matches!(kind, "UserDefinedNetwork" | "ClusterUserDefinedNetwork") {
            return self.user_defined_network(fields, node, kind);
        }
        let about_traffic = is_policy(kind)
            || kind.contains("NetworkSet")
            || kind.contains("CIDRGroup")
            || version.starts_with("policy.networking.k8s.io/");
        if about_traffic {
            let error = fields
                .fail(node, say!("{version} {kind} n'est pas compris", "{version} {kind} is not understood"));
            return Err(error.hint(say!(
                "ses règles changeraient la réponse : rien n'est calculé sans elles",
                "its rules would change the answer, so nothing is computed without them"
            )));
        }
        Ok(())
    }

    /// A primary network of its own cuts namespaces off from the others; secondary ones leave the pod network alone.
    fn user_defined_network(&mut self, fields: &Fields, node: &Node, kind: &str) -> Result<()> {
        let spec = node.get("spec").map(|spec| spec.get("network").unwrap_or(spec));
        let role = ["layer2", "layer3"]
            .iter()
            .find_map(|layer| spec?.get(layer)?.get("role")?.text().map(str::to_owned));
        if role.as_deref() == Some("Primary") {
            let error = fields.fail(
                node,
                say!(
                    "{kind} : un réseau primaire à part n'est pas compris",
                    "{kind}: a primary network of its own is not understood"
                ),
            );
            return Err(error.hint(say!(
                "il coupe ses espaces de tous les autres, quoi que disent les politiques",
                "it cuts its namespaces off from all others, whatever the policies say"
            )));
        }
        Ok(())
    }

    fn meta(&mut self, fields: &Fields, node: &Node, kind: &str) -> Result<Meta> {
        let metadata = node
            .get("metadata")
            .ok_or_else(|| fields.fail(node, say!("metadata manque", "metadata is missing")))?;
        let name = match fields.text(metadata, "name")? {
            Some(name) => name.to_owned(),
            None => fields
                .required(metadata, "generateName")
                .map_err(|_| {
                    fields.fail(
                        metadata,
                        say!("{kind} : metadata.name manque", "{kind}: metadata.name is missing"),
                    )
                })?
                .to_owned(),
        };
        let namespace = fields.text(metadata, "namespace")?.unwrap_or("default").to_owned();
        let version = node.get("apiVersion").and_then(Node::text).unwrap_or_default();
        let group = version.split_once('/').map_or("", |(group, _)| group).to_owned();
        let key = (group, kind.to_owned(), namespace.clone(), name.clone());
        let origin = fields.origin(node);
        if is_policy(kind) || kind == "Namespace" {
            return Ok(Meta { namespace, name });
        }
        if let Some(first) = self.seen.insert(key, origin.clone()) {
            self.world.warnings.push(say!(
                "{origin} : {kind} {namespace}/{name} remplace celui de {first}",
                "{origin}: {kind} {namespace}/{name} replaces the one at {first}"
            ));
            self.forget(kind, &namespace, &name);
        }
        Ok(Meta { namespace, name })
    }

    /// Applying an object again replaces it: the last one counts.
    fn forget(&mut self, kind: &str, namespace: &str, name: &str) {
        self.workloads.retain(|workload| !workload.is(kind, namespace, name));
        if kind == "Service" {
            self.world.services.retain(|service| !(service.namespace == namespace && service.name == name));
        }
        self.world
            .routes
            .retain(|route| !(route.kind == kind && route.namespace == namespace && route.name == name));
    }

    fn namespace(&mut self, fields: &Fields, node: &Node) -> Result<()> {
        let meta = self.meta(fields, node, "Namespace")?;
        let mut labels = fields.labels(node.at(&["metadata", "labels"]))?;
        labels.insert(NAMESPACE_NAME.to_owned(), meta.name.clone());
        let origin = Some(fields.origin(node));
        if let Some(known) = self.world.namespaces.get(&meta.name).filter(|known| known.labels != labels) {
            let first = known.origin.clone().unwrap_or_else(crate::error::Origin::built_in);
            let message = say!(
                "l'espace {} est donné deux fois avec d'autres étiquettes (d'abord en {first})",
                "Namespace {} is given twice with other labels (first at {first})",
                meta.name
            );
            return Err(fields
                .fail(node, message)
                .hint(say!("ne donner que les fichiers qui comptent", "give only the files that count")));
        }
        let namespace = world::Namespace { name: meta.name.clone(), labels, origin };
        self.world.namespaces.insert(meta.name, namespace);
        Ok(())
    }

    fn node(&mut self, fields: &Fields, node: &Node) -> Result<()> {
        let meta = self.meta(fields, node, "Node")?;
        let labels = fields.labels(node.at(&["metadata", "labels"]))?;
        let mut addresses = Vec::new();
        if let Some(status) = node.get("status") {
            for address in fields.list(status, "addresses")? {
                addresses.extend(
                    fields.text(address, "address")?.and_then(|text| text.parse::<std::net::IpAddr>().ok()),
                );
            }
        }
        self.world.nodes.push(world::Node { name: meta.name, labels, addresses });
        Ok(())
    }

    fn config_map(&mut self, fields: &Fields, node: &Node) -> Result<()> {
        let meta = self.meta(fields, node, "ConfigMap")?;
        let mut mentions = Vec::new();
        if let Some(data) = node.get("data") {
            for (key, value) in fields.map(data, "data")? {
                if let Some(text) = value.text() {
                    mentions.push(Mention {
                        place: say!("ConfigMap {}, clé {key}", "ConfigMap {}, key {key}", meta.name),
                        text: text.to_owned(),
                        origin: fields.origin(value),
                    });
                }
            }
        }
        self.world.config_maps.insert((meta.namespace, meta.name), mentions);
        Ok(())
    }

    /// Puts Calico's policies into the tiers that they name.
    fn place_in_tiers(&mut self) {
        /// Where Calico's default tier stands, and the one that holds the Admin policies.
        const DEFAULT: f64 = 1_000_000.0;
        const ADMIN: f64 = 1000.0;
        self.tiers.retain(|tier| tier.name != "default");
        self.tiers.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
        self.tiers.dedup_by(|a, b| a.name == b.name);
        for (dialect, namespace, name, tier) in std::mem::take(&mut self.in_tiers) {
            let place = self.tiers.iter().position(|known| known.name == tier);
            let admin = self
                .world
                .policies
                .iter()
                .any(|policy| matches!(policy.tier, Tier::Admin(_) | Tier::Baseline(_)));
            let mut problem = None;
            for policy in self.world.policies.iter_mut().filter(|policy| {
                policy.dialect == dialect && policy.namespace == namespace && policy.name == name
            }) {
                let (Tier::Before(order) | Tier::After(order)) = policy.tier else { continue };
                let Some(at) = place else {
                    problem = Some((
                        policy.origin.clone(),
                        say!("le niveau « {tier} » n'est pas déclaré", "the tier '{tier}' is not declared"),
                    ));
                    continue;
                };
                let of_tier = self.tiers[at].order;
                if of_tier >= Order::of(DEFAULT) || (admin && of_tier <= Order::of(ADMIN)) {
                    let message = say!(
                        "le niveau « {tier} » est consulté à une place qui n'est pas comprise",
                        "the tier '{tier}' is asked at a place that is not understood"
                    );
                    problem = Some((policy.origin.clone(), message));
                }
                policy.tier = Tier::Custom(u16::try_from(at).unwrap_or(u16::MAX), order);
            }
            if let Some((origin, message)) = problem {
                let hint = say!(
                    "donner son objet Tier, d'ordre inférieur à 1000000 (supérieur à 1000 à côté de politiques Admin)",
                    "give its Tier object, with an order below 1000000 (above 1000 beside Admin policies)"
                );
                self.errors.push(Error::input(&origin, message).hint(hint));
            }
        }
        self.world.tiers = self.tiers.drain(..).map(|tier| (tier.name, tier.pass)).collect();
    }

    fn finish(mut self) -> Result<World> {
        self.place_in_tiers();
        if let Some(error) = Error::join(self.errors) {
            return Err(error);
        }
        self.world.pods = workload::resolve(self.workloads);
        let remarks = self.world.pods.iter_mut().flat_map(|pod| std::mem::take(&mut pod.remarks));
        self.world.warnings.extend(remarks);
        self.world.complete_namespaces();
        Ok(self.world)
    }
}
