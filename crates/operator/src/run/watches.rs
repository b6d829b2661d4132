//! Which changes wake whom?

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::runtime::watcher::Config;
use tokio::task::JoinSet;

use super::context::{Context, What};
use super::rows::{
    CLUSTER_TYPE, ClassObject, ClassRow, ClusterObject, ClusterRow, ENROLMENT_TYPE, EnrolmentRow,
    KubeconfigRow, MachineObject, MachineRow, OwnSecret,
};
use super::table::{Key, follow};
use crate::resources::connection::SecretKey;
use crate::resources::{BastionConnection, CLUSTER_LABEL, ENVIRONMENT_LABEL, Environment, MeshConnection};

/// Starts all watches.
pub fn start(context: &Arc<Context>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let scopes: Vec<Option<String>> = if context.settings.namespaces.is_empty() {
        vec![None]
    } else {
        context.settings.namespaces.iter().cloned().map(Some).collect()
    };
    for scope in &scopes {
        environments(context, &mut tasks, scope);
        cluster_api(context, &mut tasks, scope);
        secrets(context, &mut tasks, scope);
    }
    connections(context, &mut tasks);
    tasks
}

fn api<K>(context: &Context, scope: &Option<String>) -> Api<K>
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope>,
    K::DynamicType: Default,
{
    match scope {
        Some(namespace) => Api::namespaced(context.client.clone(), namespace),
        None => Api::all(context.client.clone()),
    }
}

fn environments(context: &Arc<Context>, tasks: &mut JoinSet<()>, scope: &Option<String>) {
    let shared = Arc::clone(context);
    let changed = move |key: &Key, environment: &Environment| {
        // A failure before the change says nothing of what comes after it. Our own words in the status are no change.
        let generation = environment.metadata.generation;
        let seen = environment.status.as_ref().map(|status| status.observed_generation);
        let what = What::Environment(key.0.clone(), key.1.clone());
        if generation == seen && environment.metadata.deletion_timestamp.is_none() {
            shared.queue.add(&what);
        } else {
            shared.queue.forgive(&what);
            // How many use a connection, and whether it may go, changes with those that come and go.
            shared.queue.add(&What::Mesh(environment.spec.mesh.clone()));
            if let Some(bastion) = &environment.spec.bastion {
                shared.queue.add(&What::Bastion(bastion.clone()));
            }
        }
    };
    let api = api::<Environment>(context, scope);
    tasks.spawn(follow(
        Arc::clone(&context.tables.environments),
        api,
        scope.clone(),
        Config::default(),
        changed,
    ));
}

fn cluster_api(context: &Arc<Context>, tasks: &mut JoinSet<()>, scope: &Option<String>) {
    let shared = Arc::clone(context);
    let by_name = move |key: &Key, _: &ClusterRow| {
        shared.queue.forgive(&What::Environment(key.0.clone(), key.1.clone()));
    };
    tasks.spawn(follow(
        Arc::clone(&context.tables.clusters),
        api::<ClusterObject>(context, scope),
        scope.clone(),
        Config::default().labels(ENVIRONMENT_LABEL),
        by_name,
    ));
    let shared = Arc::clone(context);
    let by_cluster = move |key: &Key, row: &MachineRow| {
        shared.queue.add(&What::Environment(key.0.clone(), row.cluster.clone()));
    };
    tasks.spawn(follow(
        Arc::clone(&context.tables.machines),
        api::<MachineObject>(context, scope),
        scope.clone(),
        Config::default().labels(CLUSTER_LABEL),
        by_cluster,
    ));
    let shared = Arc::clone(context);
    let by_class = move |key: &Key, _: &ClassRow| {
        let users = shared.tables.environments.filter(|environment| {
            environment.metadata.namespace.as_deref() == Some(&key.0) && environment.spec.class == key.1
        });
        users.iter().for_each(|user| wake(&shared, user));
    };
    tasks.spawn(follow(
        Arc::clone(&context.tables.classes),
        api::<ClassObject>(context, scope),
        scope.clone(),
        Config::default(),
        by_class,
    ));
}

fn secrets(context: &Arc<Context>, tasks: &mut JoinSet<()>, scope: &Option<String>) {
    let shared = Arc::clone(context);
    let of_cluster = move |key: &Key, _: &KubeconfigRow| {
        if let Some(name) = key.1.strip_suffix("-kubeconfig") {
            shared.queue.add(&What::Environment(key.0.clone(), name.to_owned()));
        }
    };
    tasks.spawn(follow(
        Arc::clone(&context.tables.kubeconfigs),
        api::<Secret>(context, scope),
        scope.clone(),
        Config::default().labels(CLUSTER_LABEL).fields(&format!("type={CLUSTER_TYPE}")),
        of_cluster,
    ));
    let shared = Arc::clone(context);
    let of_enrolment = move |key: &Key, _: &EnrolmentRow| {
        if let Some(name) = key.1.strip_suffix("-mesh") {
            shared.queue.add(&What::Environment(key.0.clone(), name.to_owned()));
        }
    };
    tasks.spawn(follow(
        Arc::clone(&context.tables.enrolments),
        api::<Secret>(context, scope),
        scope.clone(),
        Config::default().labels(ENVIRONMENT_LABEL).fields(&format!("type={ENROLMENT_TYPE}")),
        of_enrolment,
    ));
}

fn connections(context: &Arc<Context>, tasks: &mut JoinSet<()>) {
    let shared = Arc::clone(context);
    // Who uses a connection is told what is known of it now.
    let changed = move |key: &Key, _: &MeshConnection| {
        shared.queue.forgive(&What::Mesh(key.1.clone()));
        let users = shared.tables.environments.filter(|environment| environment.spec.mesh == key.1);
        users.iter().for_each(|user| wake(&shared, user));
    };
    tasks.spawn(follow(
        Arc::clone(&context.tables.meshes),
        Api::<MeshConnection>::all(context.client.clone()),
        None,
        Config::default(),
        changed,
    ));
    let shared = Arc::clone(context);
    let changed = move |key: &Key, _: &BastionConnection| {
        shared.queue.forgive(&What::Bastion(key.1.clone()));
        let name = Some(key.1.as_str());
        let users =
            shared.tables.environments.filter(|environment| environment.spec.bastion.as_deref() == name);
        users.iter().for_each(|user| wake(&shared, user));
    };
    tasks.spawn(follow(
        Arc::clone(&context.tables.bastions),
        Api::<BastionConnection>::all(context.client.clone()),
        None,
        Config::default(),
        changed,
    ));
    let shared = Arc::clone(context);
    let own = move |key: &Key, _: &OwnSecret| {
        for mesh in shared
            .tables
            .meshes
            .filter(|mesh| names(&mesh.spec.token, mesh.spec.authorities.as_ref(), &key.1))
        {
            shared.queue.forgive(&What::Mesh(mesh.metadata.name.clone().unwrap_or_default()));
        }
        for bastion in
            shared.tables.bastions.filter(|one| names(&one.spec.token, one.spec.authorities.as_ref(), &key.1))
        {
            shared.queue.forgive(&What::Bastion(bastion.metadata.name.clone().unwrap_or_default()));
        }
    };
    let home = context.settings.home.clone();
    tasks.spawn(follow(
        Arc::clone(&context.tables.secrets),
        Api::<Secret>::namespaced(context.client.clone(), &home),
        Some(home),
        Config::default(),
        own,
    ));
}

/// Looks at an environment again.
pub fn wake(context: &Context, environment: &Environment) {
    let (namespace, name) = (&environment.metadata.namespace, &environment.metadata.name);
    if let (Some(namespace), Some(name)) = (namespace, name) {
        context.queue.forgive(&What::Environment(namespace.clone(), name.clone()));
    }
}

/// Whether a connection's credentials, or the authorities that vouch for its peer, are in a Secret.
fn names(token: &SecretKey, authorities: Option<&SecretKey>, secret: &str) -> bool {
    token.secret == secret || authorities.is_some_and(|one| one.secret == secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_woken_by_its_token_and_by_its_authorities() {
        let key = |secret: &str| SecretKey { secret: secret.to_owned(), key: "k".to_owned() };
        let (token, authorities) = (key("mesh"), key("ca"));
        for (secret, expected) in [("mesh", true), ("ca", true), ("other", false)] {
            assert_eq!(names(&token, Some(&authorities), secret), expected, "{secret}");
        }
        assert!(!names(&token, None, "ca"));
    }
}
