//! What stands in this folder, for this principal?

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_store::DocumentId;

use crate::library::Library;
use crate::query::DocumentFacts;

/// A page of a folder.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// The folders in it, by name, with how many documents each holds at any depth.
    pub folders: Vec<(String, usize)>,
    /// The documents directly in it that were asked for.
    pub documents: Vec<DocumentFacts>,
    /// How many documents there are directly in it.
    pub total: usize,
}

impl Library {
    /// The sources of which a principal may read anything (of a collection, where one is named), by name, with how many
    /// documents that is.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn readable_sources(
        &self,
        principal: &Principal,
        collection: Option<&str>,
    ) -> Result<Vec<(String, usize)>, Error> {
        if !self.may_choose(principal, collection)? {
            return Ok(Vec::new());
        }
        let readable = self.shared.rules()?.readable(principal);
        Ok(self.shared.derived.index().sources(&readable, collection).into_iter().collect())
    }

    /// The collections that a principal may choose, with how many documents of each they may read.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn readable_collections(&self, principal: &Principal) -> Result<Vec<(String, usize)>, Error> {
        let readable = self.shared.rules()?.readable(principal);
        let index = self.shared.derived.index();
        let count = |name: &str| index.sources(&readable, Some(name)).values().sum();
        let all = self.collections(principal)?;
        Ok(all.into_iter().map(|one| (one.name.clone(), count(&one.name))).collect())
    }

    fn may_choose(&self, principal: &Principal, collection: Option<&str>) -> Result<bool, Error> {
        collection.map_or(Ok(true), |name| Ok(self.collection(principal, name)?.is_some()))
    }

    /// What a principal may read in a folder of a source (`""` for its top), of a collection where one is named. A folder that is not there, and one of which
    /// they may read nothing, are both empty.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn folder(
        &self,
        principal: &Principal,
        collection: Option<&str>,
        (source, folder): (&str, &str),
        (offset, limit): (usize, usize),
    ) -> Result<Folder, Error> {
        if !self.may_choose(principal, collection)? {
            return Ok(Folder::default());
        }
        let readable = self.shared.rules()?.readable(principal);
        let folder = folder.trim_matches('/');
        let listing = self.shared.derived.index().listing(&readable, collection, source, folder);
        let mut folders: Vec<_> = listing.folders.into_iter().collect();
        folders.sort_by_cached_key(|(name, _)| name.to_lowercase());
        let mut documents = Vec::new();
        for (_, document) in listing.documents.iter().skip(offset).take(limit) {
            // Held against the store once more, as everything that is shown.
            documents.extend(self.document_facts(principal, DocumentId(*document as i64))?);
        }
        Ok(Folder { folders, documents, total: listing.documents.len() })
    }
}
