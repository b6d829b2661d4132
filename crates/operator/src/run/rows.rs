//! What is kept of each kind of object that is watched? As little as decisions need: five hundred clusters fit in tens
//! of megabytes, and credentials that nobody asks for are not held.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;
use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client};
use serde_json::Value;

use super::table::{Row, value_of};
use crate::plan::cluster::{self, Machine, Seen};
use crate::resources::{BastionConnection, CLUSTER_LABEL, Environment, MeshConnection};

/// The type of the Secrets that hold our enrolment keys.
pub const ENROLMENT_TYPE: &str = "intramuros.eu/enrolment";

/// The type of Cluster API's Secrets.
pub const CLUSTER_TYPE: &str = "cluster.x-k8s.io/secret";

/// On an enrolment Secret: the id of the key that it holds.
pub const KEY_ID: &str = "intramuros.eu/key-id";

/// A kind of Cluster API's core group.
pub fn resource(kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: cluster::GROUP.to_owned(),
        version: cluster::VERSION.to_owned(),
        api_version: format!("{}/{}", cluster::GROUP, cluster::VERSION),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

/// The Clusters of a namespace.
pub fn clusters(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &resource("Cluster", "clusters"))
}

impl Row for Environment {
    type Object = Environment;
    fn of(object: Environment) -> Option<Environment> {
        Some(without_managed_fields(object))
    }
}

impl Row for MeshConnection {
    type Object = MeshConnection;
    fn of(object: MeshConnection) -> Option<MeshConnection> {
        Some(without_managed_fields(object))
    }
}

impl Row for BastionConnection {
    type Object = BastionConnection;
    fn of(object: BastionConnection) -> Option<BastionConnection> {
        Some(without_managed_fields(object))
    }
}

fn without_managed_fields<K: kube::Resource>(mut object: K) -> K {
    object.meta_mut().managed_fields = None;
    object
}

/// A Cluster.
pub struct ClusterRow {
    /// The object without its status.
    pub object: Value,
    /// What it says of itself.
    pub seen: Seen,
}

impl ClusterRow {
    /// Reads an object.
    pub fn of_value(mut object: Value) -> ClusterRow {
        let seen = Seen::of(&object);
        if let Some(object) = object.as_object_mut() {
            object.remove("status");
        }
        ClusterRow { object, seen }
    }
}

/// A Machine.
pub struct MachineRow {
    /// Its cluster.
    pub cluster: String,
    /// What it says of itself.
    pub machine: Machine,
}

impl MachineRow {
    /// Reads an object; none when it belongs to no cluster.
    pub fn of_value(object: &Value) -> Option<MachineRow> {
        let cluster = object.pointer("/metadata/labels")?.get(CLUSTER_LABEL)?.as_str()?.to_owned();
        Some(MachineRow { cluster, machine: Machine::of(object)? })
    }
}

/// A ClusterClass.
pub struct ClassRow {
    /// The names of its variables.
    pub variables: BTreeSet<String>,
}

/// The kubeconfig that Cluster API made for a cluster.
pub struct KubeconfigRow {
    /// The text.
    pub text: String,
}

impl Row for KubeconfigRow {
    type Object = Secret;
    fn of(object: Secret) -> Option<KubeconfigRow> {
        object.metadata.name.as_deref()?.strip_suffix("-kubeconfig")?;
        let value = object.data?.remove("value")?;
        Some(KubeconfigRow { text: String::from_utf8(value.0).ok()? })
    }
}

/// An enrolment Secret, without the key.
pub struct EnrolmentRow {
    /// The id of the key that it holds.
    pub key_id: String,
}

impl Row for EnrolmentRow {
    type Object = Secret;
    fn of(object: Secret) -> Option<EnrolmentRow> {
        let key_id = object.metadata.annotations?.remove(KEY_ID)?;
        Some(EnrolmentRow { key_id })
    }
}

/// A Secret of the operator's own namespace.
pub struct OwnSecret {
    /// Its values.
    pub data: BTreeMap<String, Vec<u8>>,
}

impl Row for OwnSecret {
    type Object = Secret;
    fn of(object: Secret) -> Option<OwnSecret> {
        let data = object.data.unwrap_or_default();
        Some(OwnSecret { data: data.into_iter().map(|(key, value)| (key, value.0)).collect() })
    }
}

/// Kinds for which kube has no type are watched as types of ours that read what they keep.
macro_rules! watched {
    ($name:ident, $kind:literal, $plural:literal, $row:ty, $read:expr) => {
        /// One object of this kind, read through its own type so that the watch knows where to look.
        #[derive(Clone, Debug, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(DynamicObject);

        impl kube::Resource for $name {
            type DynamicType = ();
            type Scope = kube::core::NamespaceResourceScope;

            fn kind(_: &()) -> std::borrow::Cow<'_, str> {
                $kind.into()
            }
            fn group(_: &()) -> std::borrow::Cow<'_, str> {
                cluster::GROUP.into()
            }
            fn version(_: &()) -> std::borrow::Cow<'_, str> {
                cluster::VERSION.into()
            }
            fn plural(_: &()) -> std::borrow::Cow<'_, str> {
                $plural.into()
            }
            fn meta(&self) -> &kube::api::ObjectMeta {
                &self.0.metadata
            }
            fn meta_mut(&mut self) -> &mut kube::api::ObjectMeta {
                &mut self.0.metadata
            }
        }

        impl Row for $row {
            type Object = $name;
            fn of(object: $name) -> Option<$row> {
                #[allow(clippy::redundant_closure_call)]
                ($read)(value_of(object.0))
            }
        }
    };
}

watched!(ClusterObject, "Cluster", "clusters", ClusterRow, |value| Some(ClusterRow::of_value(value)));
watched!(MachineObject, "Machine", "machines", MachineRow, |value: Value| MachineRow::of_value(&value));
watched!(ClassObject, "ClusterClass", "clusterclasses", ClassRow, |value: Value| Some(ClassRow {
    variables: cluster::class_variables(&value),
}));
