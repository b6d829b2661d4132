//! What is in the cluster, of one kind? A copy that a watch keeps up to date, trimmed to what decisions look at.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use futures::StreamExt;
use kube::api::DynamicObject;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

/// Namespace and name; the namespace is empty for what has none.
pub type Key = (String, String);

/// All objects of one kind that we look at.
pub struct Table<T> {
    rows: RwLock<HashMap<Key, Arc<T>>>,
    /// Watches that have not given their first list yet.
    waiting: AtomicUsize,
}

impl<T> Table<T> {
    /// A table that this many watches fill.
    pub fn new(watches: usize) -> Arc<Table<T>> {
        Arc::new(Table { rows: RwLock::default(), waiting: AtomicUsize::new(watches) })
    }

    /// Whether every watch has given its first list.
    pub fn complete(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }

    /// The object of a name.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<T>> {
        self.rows
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(namespace.to_owned(), name.to_owned()))
            .cloned()
    }

    /// All objects.
    pub fn all(&self) -> Vec<Arc<T>> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Objects that meet a condition.
    pub fn filter(&self, wanted: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.values().filter(|row| wanted(row)).cloned().collect()
    }

    /// How many objects meet a condition.
    pub fn count(&self, wanted: impl Fn(&T) -> bool) -> usize {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.values().filter(|row| wanted(row)).count()
    }

    /// Takes an object in, in the place of the one of that name.
    pub fn put(&self, key: &Key, row: T) -> Arc<T> {
        let row = Arc::new(row);
        self.rows.write().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), Arc::clone(&row));
        row
    }

    fn remove(&self, key: &Key) {
        self.rows.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn keep_only(&self, namespace: Option<&str>, seen: &HashSet<Key>) -> Vec<(Key, Arc<T>)> {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let here = |key: &Key| namespace.is_none_or(|namespace| key.0 == namespace);
        let gone: Vec<Key> = rows.keys().filter(|key| here(key) && !seen.contains(key)).cloned().collect();
        gone.into_iter().filter_map(|key| rows.remove(&key).map(|row| (key, row))).collect()
    }
}

/// What a table holds of an object, and how it is read from one.
pub trait Row: Sized + Send + Sync + 'static {
    /// The kind of object that is watched.
    type Object: Resource + Clone + DeserializeOwned + Debug + Send + 'static;

    /// What is kept of an object; none to leave it out.
    fn of(object: Self::Object) -> Option<Self>;
}

/// Follows one watch for ever, and tells of every change: key, and the object before or after.
pub async fn follow<T: Row>(
    table: Arc<Table<T>>,
    api: Api<T::Object>,
    namespace: Option<String>,
    config: watcher::Config,
    changed: impl Fn(&Key, &T) + Send,
) where
    <T::Object as Resource>::DynamicType: Default + Clone,
{
    let mut events = watcher(api, config).default_backoff().boxed();
    let mut seen = HashSet::new();
    let mut first = true;
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => seen.clear(),
            Ok(watcher::Event::InitApply(object)) => {
                let key = key_of(&object);
                if let Some(row) = T::of(object) {
                    seen.insert(key.clone());
                    let told = table.put(&key, row);
                    changed(&key, &told);
                }
            }
            Ok(watcher::Event::InitDone) => {
                for (key, row) in table.keep_only(namespace.as_deref(), &seen) {
                    changed(&key, &row);
                }
                seen.clear();
                if std::mem::take(&mut first) {
                    table.waiting.fetch_sub(1, Ordering::AcqRel);
                }
            }
            Ok(watcher::Event::Apply(object)) => {
                let key = key_of(&object);
                if let Some(row) = T::of(object) {
                    // The table first: whoever is told must find what is new.
                    let told = table.put(&key, row);
                    changed(&key, &told);
                }
            }
            Ok(watcher::Event::Delete(object)) => {
                let key = key_of(&object);
                table.remove(&key);
                if let Some(row) = T::of(object) {
                    changed(&key, &row);
                }
            }
            // The kind of failure alone: the text may quote an object.
            Err(error) => tracing::warn!(kind = failure(&error), "a watch was interrupted and begins again"),
        }
    }
}

fn key_of<K: Resource>(object: &K) -> Key {
    let meta = object.meta();
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

fn failure(error: &watcher::Error) -> &'static str {
    match error {
        watcher::Error::InitialListFailed(_) => "the first list failed",
        watcher::Error::WatchStartFailed(_) => "the watch could not begin",
        watcher::Error::WatchError(_) => "the server ended the watch",
        watcher::Error::WatchFailed(_) => "the connection broke",
        _ => "the list can't be watched",
    }
}

/// An object of a kind that we have no type for, as a value.
pub fn value_of(object: DynamicObject) -> serde_json::Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Some(metadata) = value.get_mut("metadata").and_then(serde_json::Value::as_object_mut) {
        // Half of an object, and of no use here.
        metadata.remove("managedFields");
    }
    value
}

impl Table<super::rows::MachineRow> {
    /// The machines of a cluster.
    pub fn of_cluster(&self, namespace: &str, cluster: &str) -> Vec<crate::plan::cluster::Machine> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.iter()
            .filter(|(key, row)| key.0 == namespace && row.cluster == cluster)
            .map(|(_, row)| row.machine.clone())
            .collect()
    }
}
