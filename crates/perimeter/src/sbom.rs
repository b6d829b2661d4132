//! Of which components is the program made?
//!
//! From the lock file that the build used, so nothing is guessed and nothing downloaded. Licences come from
//! `licences.tsv`, which `cargo run -p intramuros-perimeter --example licences` writes from Cargo's own metadata; a
//! component that is not in it yet has none stated.

use std::collections::{BTreeMap, BTreeSet};

use intramuros_core::error::Error;
use serde::Deserialize;
use serde_json::{Value, json};

const LOCK: &str = include_str!("../../../Cargo.lock");
const LICENCES: &str = include_str!("../licences.tsv");

/// The package whose components are listed.
const ROOT: &str = "intramuros";

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// One component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its archive; none for our own.
    pub checksum: Option<String>,
    /// Its licence (SPDX); none when it is not known here.
    pub licence: Option<String>,
    /// Whether it is a crate of this workspace.
    pub own: bool,
    /// What it uses, as `name version`.
    pub uses: Vec<String>,
}

/// The components of the program, sorted. Those that only builds and tests of our own crates use are among them: the
/// lock file does not tell them apart.
///
/// # Errors
/// When the lock file in the program can't be read, which a test rules out.
pub fn components() -> Result<Vec<Component>, Error> {
    read(LOCK, LICENCES)
}

fn read(lock: &str, licences: &str) -> Result<Vec<Component>, Error> {
    let lock: Lock = toml::from_str(lock)
        .map_err(|error| Error::internal("the lock file can't be read").because(error))?;
    let licences: BTreeMap<(&str, &str), &str> = licences
        .lines()
        .filter_map(|line| {
            let mut cells = line.split('\t');
            Some(((cells.next()?, cells.next()?), cells.next()?))
        })
        .collect();
    let by_name: BTreeMap<&str, Vec<&Package>> =
        lock.package.iter().fold(BTreeMap::new(), |mut map, package| {
            map.entry(package.name.as_str()).or_insert_with(Vec::new).push(package);
            map
        });
    // A dependency is written as its name, with the version where there are several.
    let resolve = |dependency: &str| -> Option<&Package> {
        let mut words = dependency.split(' ');
        let candidates = by_name.get(words.next()?)?;
        match words.next() {
            Some(version) => candidates.iter().find(|package| package.version == version).copied(),
            None => candidates.first().copied(),
        }
    };
    let mut seen = BTreeSet::new();
    let mut waiting =
        vec![resolve(ROOT).ok_or_else(|| Error::internal("the lock file does not name the program"))?];
    let mut found = Vec::new();
    while let Some(package) = waiting.pop() {
        if !seen.insert((&package.name, &package.version)) {
            continue;
        }
        let uses: Vec<&Package> =
            package.dependencies.iter().filter_map(|dependency| resolve(dependency)).collect();
        found.push(Component {
            name: package.name.clone(),
            version: package.version.clone(),
            checksum: package.checksum.clone(),
            licence: licences
                .get(&(package.name.as_str(), package.version.as_str()))
                .map(|text| (*text).to_owned()),
            own: package.source.is_none(),
            uses: uses.iter().map(|used| format!("{} {}", used.name, used.version)).collect(),
        });
        waiting.extend(uses);
    }
    found.sort();
    Ok(found)
}

/// The components as CycloneDX 1.6. The same build gives the same text: there is no moment and no random number in it.
///
/// # Errors
/// As [`components`].
pub fn cyclonedx() -> Result<Value, Error> {
    let components = components()?;
    let reference = |name: &str, version: &str| format!("pkg:cargo/{name}@{version}");
    let list: Vec<Value> = components.iter().filter(|component| component.name != ROOT).map(|component| {
        let purl = reference(&component.name, &component.version);
        let mut value = json!({
            "type": "library", "bom-ref": purl, "name": component.name, "version": component.version, "purl": purl,
        });
        if let Some(checksum) = &component.checksum {
            value["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
        }
        if let Some(licence) = &component.licence {
            value["licenses"] = json!([{"expression": licence}]);
        }
        value
    }).collect();
    let dependencies: Vec<Value> = components
        .iter()
        .map(|component| {
            let uses: Vec<String> = component
                .uses
                .iter()
                .filter_map(|used| used.split_once(' ').map(|(name, version)| reference(name, version)))
                .collect();
            json!({"ref": reference(&component.name, &component.version), "dependsOn": uses})
        })
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {
            "type": "application", "bom-ref": reference(ROOT, version), "name": ROOT, "version": version,
            "licenses": [{"expression": "Apache-2.0"}],
        }},
        "components": list,
        "dependencies": dependencies,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_follow_from_the_lock_file() {
        let lock = "[[package]]\nname='intramuros'\nversion='0.1.0'\ndependencies=['a','b 2.0.0']\n\
                    [[package]]\nname='a'\nversion='1.0.0'\nsource='registry'\nchecksum='aa'\ndependencies=['b 1.0.0']\n\
                    [[package]]\nname='b'\nversion='1.0.0'\nsource='registry'\n\
                    [[package]]\nname='b'\nversion='2.0.0'\nsource='registry'\n\
                    [[package]]\nname='unused'\nversion='1.0.0'\nsource='registry'\n";
        let found = read(lock, "a\t1.0.0\tMIT\n").unwrap();
        let names: Vec<String> = found.iter().map(|one| format!("{} {}", one.name, one.version)).collect();
        assert_eq!(names, ["a 1.0.0", "b 1.0.0", "b 2.0.0", "intramuros 0.1.0"]);
        assert_eq!((found[0].licence.as_deref(), found[0].own, found[3].own), (Some("MIT"), false, true));
    }

    #[test]
    fn the_programs_own_list_is_sound() {
        let bom = cyclonedx().unwrap();
        let components = bom["components"].as_array().unwrap();
        assert!(components.iter().any(|component| component["name"] == "intramuros-core"));
        assert!(components.iter().all(|component| component["purl"].is_string()));
        assert_eq!(bom["specVersion"], "1.6");
    }
}
