//! Do the peers hold exactly what is declared, whatever happens to the calls in between?

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use intramuros_operator::names::Identity;
use intramuros_operator::peers::netbird::{KeepKey, NetBird as Mesh};
use intramuros_operator::peers::warpgate::Warpgate as Bastion;
use intramuros_operator::plan::bastion::seen::Options;
use intramuros_operator::plan::bastion::{self, Access, WantedTarget};
use intramuros_operator::plan::mesh::{self, Endpoint};
use proptest::prelude::*;

use crate::doubles::faults::{Fault, Faults, settle, transport};
use crate::doubles::netbird::NetBird;
use crate::doubles::warpgate::Warpgate;
use crate::doubles::{Double, Shared};

/// A moment after the one in which the double's peers were last seen.
pub const NOW: i64 = 1_900_000_000;

pub fn identity() -> Identity {
    Identity {
        namespace: "shop".to_owned(),
        name: "prod".to_owned(),
        uid: "uid-1".to_owned(),
        home: "home-1".to_owned(),
    }
}

/// What happens, in the order in which it happens.
#[derive(Clone, Debug)]
enum Step {
    /// An attempt, during which these faults happen.
    Attempt(Vec<Fault>),
    /// The environment's shape changes: endpoint known or not, machines, replicas.
    Shape(bool, u8, u8),
    /// A machine takes the key from the Secret, if there is one, and enrols.
    Enrol(u8),
    /// Somebody changes things by hand.
    Meddle(u8),
    /// The program starts anew.
    Kill,
    /// People: a set of names.
    People(u8),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::Fails),
        1 => Just(Fault::Lost),
        1 => (1_u8..30).prop_map(Fault::Late),
        1 => Just(Fault::Twice),
        1 => Just(Fault::Busy),
        1 => Just(Fault::Broken),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec(fault(), 0..25).prop_map(Step::Attempt),
        2 => (any::<bool>(), 0_u8..4, 0_u8..4).prop_map(|(endpoint, machines, replicas)| {
            Step::Shape(endpoint, machines, replicas)
        }),
        2 => (0_u8..4).prop_map(Step::Enrol),
        1 => any::<u8>().prop_map(Step::Meddle),
        1 => Just(Step::Kill),
        1 => any::<u8>().prop_map(Step::People),
    ]
}

/// One environment in a mesh, with the Secret that its machines read.
struct MeshTrial {
    double: Shared<NetBird>,
    faults: Arc<Mutex<Faults>>,
    mesh: Mesh,
    secret: Arc<Mutex<Option<(String, String)>>>,
    endpoint: bool,
    machines: u8,
    replicas: u8,
    /// Whether the bastion is in the mesh.
    bastion: bool,
}

impl MeshTrial {
    fn new() -> MeshTrial {
        let double = Arc::new(Mutex::new(NetBird::with_management()));
        let faults = Arc::new(Mutex::new(Faults::default()));
        let mesh = Mesh::new(transport(&double, &faults, ""));
        let secret = Arc::default();
        double.lock().unwrap().handle("POST", "/api/groups", &serde_json::json!({ "name": "bastions" }));
        MeshTrial { double, faults, mesh, secret, endpoint: false, machines: 0, replicas: 1, bastion: false }
    }

    fn wanted(&self) -> mesh::Wanted {
        mesh::Wanted {
            identity: identity(),
            management_group: "management".to_owned(),
            endpoint: self.endpoint.then(|| Endpoint { host: "10.0.0.9".to_owned(), port: 6443 }),
            machines: (0..self.machines).map(|number| vec![format!("m{number}")]).collect(),
            replicas: usize::from(self.replicas),
            stored_key: self.secret.lock().unwrap().as_ref().map(|(id, _)| id.clone()),
            bastion: self.bastion.then(|| mesh::Bastion {
                group: "bastions".to_owned(),
                machines: (0..self.machines).map(|m| (format!("m{m}"), format!("10.0.1.{m}"))).collect(),
            }),
            domain: Some("prod.shop.env.example".to_owned()),
            now: NOW,
        }
    }

    async fn attempt(&self) -> Result<mesh::Plan, String> {
        let secret = Arc::clone(&self.secret);
        let keep: KeepKey = Arc::new(move |id, key| {
            *secret.lock().unwrap() = Some((id, key));
            Box::pin(async { Ok(()) })
        });
        self.mesh.converge(self.wanted(), &keep).await.map_err(|error| error.to_string())
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Attempt(faults) => {
                self.faults.lock().unwrap().next = faults.iter().copied().collect();
                let _ = self.attempt().await;
                self.faults.lock().unwrap().next.clear();
            }
            Step::Shape(endpoint, machines, replicas) => {
                // An endpoint that is known stays known.
                self.endpoint |= endpoint;
                (self.machines, self.replicas) = (*machines, *replicas);
                self.bastion = (machines + replicas) % 3 > 0;
            }
            Step::Enrol(number) => {
                if let Some((_, key)) = &*self.secret.lock().unwrap() {
                    let _ = self.double.lock().unwrap().enrol(key, &format!("m{number}"));
                }
            }
            Step::Meddle(which) => meddle(&mut self.double.lock().unwrap(), *which),
            Step::Kill => self.mesh = Mesh::new(transport(&self.double, &self.faults, "")),
            Step::People(_) => {}
        }
    }

    /// Faults end, time passes, and the mesh holds exactly what is declared.
    async fn settles(&mut self) {
        settle(&self.double, &self.faults);
        // A peer whose machine is gone has been away for long.
        for peer in self.double.lock().unwrap().peers.values_mut() {
            let machine = peer["hostname"].as_str().unwrap()[1..].parse::<u8>().unwrap();
            peer["connected"] = (machine < self.machines).into();
        }
        self.mesh.look().await.unwrap();
        self.attempt().await.unwrap();
        // What came too late is seen at the next look.
        self.mesh.look().await.unwrap();
        self.attempt().await.unwrap();
        self.double.lock().unwrap().writes();
        self.mesh.look().await.unwrap();
        let plan = self.attempt().await.unwrap();
        assert_eq!(self.double.lock().unwrap().writes(), 0, "a steady state costs no writes");
        assert_eq!(plan.waiting, None);
        let mesh = self.double.lock().unwrap();
        let ways = usize::from(self.endpoint);
        let led = if self.bastion { usize::from(self.machines) } else { 0 };
        let bastion = usize::from(self.bastion);
        assert_eq!(mesh.groups.len(), 4 + bastion, "ours, the management's and the bastion's");
        assert_eq!((mesh.networks.len(), mesh.routers.len()), (1, 1));
        assert_eq!(
            (mesh.resources.len(), mesh.policies.len(), mesh.zones.len(), mesh.records.len()),
            (ways + led, ways * (1 + bastion) + bastion, ways, ways)
        );
        assert_eq!(
            mesh.keys.len(),
            usize::from(plan.enrolling),
            "a key exactly as long as a machine is to come"
        );
        if plan.enrolling {
            let secret = self.secret.lock().unwrap().clone().unwrap();
            assert_eq!(
                mesh.secrets.get(mesh.keys.keys().next().unwrap()),
                Some(&secret.1),
                "and it is in the Secret"
            );
        }
        for peer in mesh.peers.values() {
            let machine = peer["hostname"].as_str().unwrap()[1..].parse::<u8>().unwrap();
            assert!(machine < self.machines, "no peer of a machine that is gone");
        }
    }

    /// The environment goes, with faults, and nothing stays.
    async fn goes(&mut self, faults: &[Fault]) {
        self.faults.lock().unwrap().next = faults.iter().copied().collect();
        for _ in 0..6 {
            let _ = self.mesh.remove(&identity().prefix()).await;
        }
        self.faults.lock().unwrap().next.clear();
        self.mesh.remove(&identity().prefix()).await.unwrap();
        settle(&self.double, &self.faults);
        self.mesh.look().await.unwrap();
        self.mesh.sweep("home-1", &BTreeSet::new()).await.unwrap();
        assert_eq!(self.double.lock().unwrap().leftovers(), ["bastions"]);
    }
}

/// Somebody with a browser changes or removes one of our things.
fn meddle(mesh: &mut NetBird, which: u8) {
    let first =
        |map: &std::collections::BTreeMap<(String, String), serde_json::Value>| map.keys().next().cloned();
    match which % 7 {
        0 => {
            mesh.policies.values_mut().for_each(|policy| policy["enabled"] = false.into());
        }
        1 => {
            mesh.policies.clear();
        }
        2 => {
            if let Some((network, id)) = first(&mesh.routers) {
                mesh.routers.remove(&(network, id));
            }
        }
        3 => {
            mesh.resources.values_mut().for_each(|resource| resource["address"] = "0.0.0.0/0".into());
        }
        4 => {
            let ports = serde_json::json!(["1-65535"]);
            for policy in mesh.policies.values_mut() {
                policy["rules"][0]["ports"] = ports.clone();
            }
        }
        5 => mesh.keys.clear(),
        _ => {
            if let Some((network, _)) = first(&mesh.routers) {
                mesh.handle("DELETE", &format!("/api/networks/{network}"), &serde_json::Value::Null);
            }
        }
    }
}

pub fn run<F: Future<Output = ()>>(future: F) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(future);
}

fn cases() -> u32 {
    std::env::var("INTRAMUROS_INTERLEAVINGS").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mesh_converges_from_anywhere_and_nothing_leaks_or_doubles(
        steps in proptest::collection::vec(step(), 0..25),
        last in proptest::collection::vec(fault(), 0..40),
    ) {
        run(async {
            let mut trial = MeshTrial::new();
            for step in &steps {
                trial.step(step).await;
            }
            trial.settles().await;
            trial.goes(&last).await;
        });
    }

    #[test]
    fn a_bastion_converges_from_anywhere_and_nothing_leaks_or_doubles(
        steps in proptest::collection::vec(step(), 0..25),
        last in proptest::collection::vec(fault(), 0..40),
    ) {
        run(async {
            let mut trial = BastionTrial::new();
            for step in &steps {
                trial.step(step).await;
            }
            trial.settles().await;
            trial.goes(&last).await;
        });
    }
}

const PEOPLE: [&str; 3] = ["anne", "bruno", "chloe"];

/// One environment at a bastion.
pub struct BastionTrial {
    pub double: Shared<Warpgate>,
    faults: Arc<Mutex<Faults>>,
    pub bastion: Bastion,
    machines: u8,
    people: u8,
    certificate: u8,
}

impl BastionTrial {
    pub fn new() -> BastionTrial {
        let double = Arc::new(Mutex::new(Warpgate::with_people(&PEOPLE)));
        let faults = Arc::new(Mutex::new(Faults::default()));
        let bastion = Bastion::new(transport(&double, &faults, ""));
        BastionTrial { double, faults, bastion, machines: 1, people: 1, certificate: 0 }
    }

    fn names(&self) -> Vec<String> {
        let named = PEOPLE.iter().enumerate().filter(|(place, _)| self.people >> place & 1 == 1);
        named.map(|(_, name)| (*name).to_owned()).collect()
    }

    pub fn wanted(&self) -> bastion::Wanted {
        let machine = |number: u8| WantedTarget {
            suffix: format!("m{number}"),
            options: Options::Ssh {
                host: format!("10.0.0.{number}"),
                port: 22,
                username: "admin".to_owned(),
            },
            access: Access::OwnKey,
        };
        let mut targets: Vec<WantedTarget> = (0..self.machines).map(machine).collect();
        targets.push(WantedTarget {
            suffix: String::new(),
            options: Options::Kubernetes { cluster_url: "https://10.0.0.9:6443".to_owned(), verify: false },
            access: Access::Certificate {
                certificate: format!("certificate {}", self.certificate),
                key: "CANARY-KEY".to_owned(),
            },
        });
        bastion::Wanted {
            identity: identity(),
            adopt: false,
            targets,
            tickets: Some(bastion::WantedTickets {
                seconds: 3600,
                approval: true,
                people: vec![PEOPLE[2].to_owned()],
                approvers: vec![PEOPLE[0].to_owned()],
            }),
            people: self.names().into_iter().map(|name| (name, Some(NOW + 60))).collect(),
            require_recordings: true,
            now: NOW,
        }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Attempt(faults) => {
                self.faults.lock().unwrap().next = faults.iter().copied().collect();
                let _ = self.bastion.converge(&self.wanted()).await;
                self.faults.lock().unwrap().next.clear();
            }
            Step::Shape(_, machines, certificate) => {
                (self.machines, self.certificate) = (*machines, *certificate);
            }
            Step::Meddle(which) => self.meddle(*which),
            Step::Kill => self.bastion = Bastion::new(transport(&self.double, &self.faults, "")),
            Step::People(people) => self.people = *people,
            Step::Enrol(_) => {}
        }
    }

    fn meddle(&self, which: u8) {
        let mut double = self.double.lock().unwrap();
        match which % 7 {
            4 => {
                // A ticket by hand, which nobody approved.
                let target = double.targets.values().next().map(|target| target["name"].clone());
                if let Some(target) = target {
                    double.give("anne", target.as_str().unwrap(), NOW, 600);
                }
            }
            5 => {
                // One who may ask does, and is approved by the one who may approve.
                if double.targets.values().any(|target| target["name"] == "shop.prod") {
                    let request = double.ask("chloe", "shop.prod", NOW);
                    double.approve(&request, "anne");
                    double.take(&request, NOW, 3600);
                }
            }
            6 => {
                if double.targets.values().any(|target| target["name"] == "shop.prod") {
                    double.ask("bruno", "shop.prod", NOW);
                }
            }
            0 => double.grants.clear(),
            1 => double.uses.clear(),
            2 => {
                let target = double.targets.keys().next().cloned();
                target.map(|target| {
                    double.handle("DELETE", &format!("/targets/{target}"), &serde_json::Value::Null)
                });
            }
            _ => {
                // Somebody lets everybody in.
                double.handle("POST", "/roles", &serde_json::json!({ "name": "everybody" }));
                let role = double
                    .roles
                    .iter()
                    .find(|(_, role)| role["name"] == "everybody")
                    .map(|(id, _)| id.clone());
                let targets: Vec<String> = double.targets.keys().cloned().collect();
                for target in targets {
                    double.handle(
                        "POST",
                        &format!("/targets/{target}/roles/{}", role.clone().unwrap()),
                        &serde_json::Value::Null,
                    );
                }
            }
        }
    }

    async fn settles(&mut self) {
        settle(&self.double, &self.faults);
        for _ in 0..2 {
            self.bastion.look().await.unwrap();
            self.bastion.converge(&self.wanted()).await.unwrap();
        }
        self.double.lock().unwrap().writes();
        self.bastion.look().await.unwrap();
        let plan = self.bastion.converge(&self.wanted()).await.unwrap();
        let mut double = self.double.lock().unwrap();
        assert_eq!(double.writes(), 0, "a steady state costs no writes");
        assert_eq!((plan.conflicts, plan.strangers), (vec![], vec![]));
        assert_eq!(double.targets.len(), usize::from(self.machines) + 1);
        assert!(double.tickets.values().all(|ticket| ticket["username"] == "chloe"), "{:?}", double.tickets);
        let bruno = |request: &serde_json::Value| {
            request["status"] == "Pending"
                && double.users[request["user_id"].as_str().unwrap()]["username"] == "bruno"
        };
        let may_ask = self.names().contains(&"bruno".to_owned());
        assert!(may_ask || !double.requests.values().any(bruno), "who may not ask is told so");
        for target in double.targets.values() {
            assert_eq!(double.who_may_use(target["name"].as_str().unwrap()), self.names());
        }
        let cluster = double.targets.values().find(|target| target["name"] == "shop.prod").unwrap();
        assert_eq!(cluster["options"]["auth"]["certificate"], format!("certificate {}", self.certificate));
    }

    async fn goes(&mut self, faults: &[Fault]) {
        let mark = identity().mark();
        self.faults.lock().unwrap().next = faults.iter().copied().collect();
        for _ in 0..6 {
            let _ = self.bastion.remove(&mark).await;
        }
        self.faults.lock().unwrap().next.clear();
        self.bastion.remove(&mark).await.unwrap();
        settle(&self.double, &self.faults);
        self.bastion.look().await.unwrap();
        self.bastion.sweep("home-1", &BTreeSet::new()).await.unwrap();
        let mut left = self.double.lock().unwrap().leftovers();
        left.retain(|name| name != "everybody");
        assert_eq!(left, Vec::<String>::new());
    }
}

#[test]
fn what_others_made_is_left_alone_unless_it_may_be_adopted() {
    run(async {
        let trial = BastionTrial::new();
        trial.double.lock().unwrap().handle("POST", "/roles", &serde_json::json!({ "name": "shop.prod" }));
        let plan = trial.bastion.converge(&trial.wanted()).await.unwrap();
        assert_eq!(plan.conflicts, ["role shop.prod"]);
        assert!(trial.double.lock().unwrap().who_may_use("shop.prod").is_empty());
        let adopting = bastion::Wanted { adopt: true, ..trial.wanted() };
        let plan = trial.bastion.converge(&adopting).await.unwrap();
        assert_eq!(plan.conflicts, Vec::<String>::new());
        assert_eq!(trial.double.lock().unwrap().who_may_use("shop.prod"), ["anne"]);
    });
}

#[test]
fn access_ends_when_it_should_and_waits_for_recordings() {
    run(async {
        let trial = BastionTrial::new();
        trial.double.lock().unwrap().recordings = false;
        let plan = trial.bastion.converge(&trial.wanted()).await.unwrap();
        assert!(plan.unrecorded);
        assert!(trial.double.lock().unwrap().who_may_use("shop.prod").is_empty());
        trial.double.lock().unwrap().recordings = true;
        trial.bastion.look().await.unwrap();
        trial.bastion.converge(&trial.wanted()).await.unwrap();
        assert_eq!(trial.double.lock().unwrap().who_may_use("shop.prod"), ["anne"]);
        let later = bastion::Wanted { now: NOW + 60, ..trial.wanted() };
        trial.bastion.converge(&later).await.unwrap();
        assert!(trial.double.lock().unwrap().who_may_use("shop.prod").is_empty());
    });
}

#[test]
fn a_person_who_is_renamed_keeps_nothing_under_her_old_name() {
    run(async {
        let trial = BastionTrial::new();
        trial.bastion.converge(&trial.wanted()).await.unwrap();
        trial.double.lock().unwrap().rename("anne", "anne.martin");
        trial.bastion.look().await.unwrap();
        let plan = trial.bastion.converge(&trial.wanted()).await.unwrap();
        assert_eq!(plan.strangers, ["anne"]);
        assert!(trial.double.lock().unwrap().who_may_use("shop.prod").is_empty());
        let renamed = bastion::Wanted { people: vec![("anne.martin".to_owned(), None)], ..trial.wanted() };
        trial.bastion.converge(&renamed).await.unwrap();
        assert_eq!(trial.double.lock().unwrap().who_may_use("shop.prod"), ["anne.martin"]);
    });
}

#[test]
fn the_bastion_reaches_machines_by_ssh_and_nobody_else_does() {
    let mut trial = MeshTrial::new();
    (trial.endpoint, trial.machines, trial.bastion) = (true, 2, true);
    run(async {
        trial.attempt().await.unwrap();
        let double = trial.double.lock().unwrap();
        let id = |name: &str| {
            double
                .groups
                .iter()
                .find(|(_, group)| group["name"].as_str().unwrap().ends_with(name))
                .unwrap()
                .0
                .clone()
        };
        let (bastions, management) = (id("bastions"), id("management"));
        let mut open: Vec<(String, String)> = Vec::new();
        for rule in double.policies.values().flat_map(|policy| policy["rules"].as_array().unwrap()) {
            assert_eq!(
                (rule["protocol"].as_str(), rule["bidirectional"].as_bool()),
                (Some("tcp"), Some(false))
            );
            open.push((
                rule["sources"][0]["id"].as_str().unwrap().to_owned(),
                format!(
                    "{} {}",
                    rule["ports"][0].as_str().unwrap(),
                    rule["destinations"][0]["name"].as_str().unwrap()
                ),
            ));
        }
        open.sort();
        let prefix = identity().prefix();
        let mut expected = vec![
            (management, format!("6443 {prefix}-api")),
            (bastions.clone(), format!("22 {prefix}-machines")),
            (bastions, format!("6443 {prefix}-api")),
        ];
        expected.sort();
        assert_eq!(open, expected);
        let led: Vec<&str> = double
            .resources
            .values()
            .filter(|resource| resource["groups"][0]["name"] == format!("{prefix}-machines"))
            .map(|resource| resource["address"].as_str().unwrap())
            .collect();
        assert_eq!(led, ["10.0.1.0/32", "10.0.1.1/32"]);
    });
}

#[test]
fn another_environments_address_is_not_led_to() {
    run(async {
        let mut first = MeshTrial::new();
        first.endpoint = true;
        first.attempt().await.unwrap();
        let faults = Arc::new(Mutex::new(Faults::default()));
        let mesh = Mesh::new(transport(&first.double, &faults, ""));
        let keep: KeepKey = Arc::new(|_, _| Box::pin(async { Ok(()) }));
        let other = |host: &str| mesh::Wanted {
            identity: Identity { name: "spy".to_owned(), uid: "uid-2".to_owned(), ..identity() },
            endpoint: Some(Endpoint { host: host.to_owned(), port: 6443 }),
            domain: None,
            ..first.wanted()
        };
        let policies = || first.double.lock().unwrap().policies.len();
        for (host, why) in [("10.0.0.9", "already"), ("0.0.0.0/0", "neither"), ("a b", "neither")] {
            let plan = mesh.converge(other(host), &keep).await.unwrap();
            assert!(plan.waiting.is_some_and(|waiting| waiting.contains(why)), "{host}");
            assert_eq!((policies(), first.double.lock().unwrap().resources.len()), (1, 1));
        }
        let plan = mesh.converge(other("10.0.0.10"), &keep).await.unwrap();
        assert_eq!((plan.waiting, policies()), (None, 2));
    });
}
