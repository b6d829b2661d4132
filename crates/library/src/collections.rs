//! Which named sets of documents may this principal choose?

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_core::perimeter::Collection;
use intramuros_search::catalogue::Facets;

use crate::library::Library;

impl Library {
    /// A declared collection, when a principal may choose it: it is theirs to use, and holds something that they may read.
    /// Otherwise none, as where there is none of that name.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn collection(&self, principal: &Principal, name: &str) -> Result<Option<Collection>, Error> {
        let perimeter = self.shared.perimeter();
        let Some(collection) = perimeter.collection(name).filter(|one| one.allows(principal)) else {
            return Ok(None);
        };
        let readable = self.shared.rules()?.readable(principal);
        // The owner declared it, and sees it while it is empty still.
        let holds = principal.owner || self.shared.derived.index().holds_readable(name, &readable);
        Ok(holds.then(|| collection.clone()))
    }

    /// The collections that a principal may choose, in the order of their declaration.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn collections(&self, principal: &Principal) -> Result<Vec<Collection>, Error> {
        let perimeter = self.shared.perimeter();
        let mut found = Vec::new();
        for collection in &perimeter.collections {
            found.extend(self.collection(principal, &collection.name)?);
        }
        Ok(found)
    }

    /// The documents that a principal may read, of a collection where one is named, counted by what they are.
    ///
    /// # Errors
    /// When the store can't be read, or the collection is not theirs to choose.
    pub fn facets(&self, principal: &Principal, collection: Option<&str>) -> Result<Facets, Error> {
        if let Some(name) = collection {
            self.collection(principal, name)?.ok_or_else(no_collection)?;
        }
        let readable = self.shared.rules()?.readable(principal);
        Ok(self.shared.derived.index().facets(&readable, collection))
    }
}

/// The error of a collection that is not there, or not for this principal: the same words for both.
pub(crate) fn no_collection() -> Error {
    Error::user("there is no such collection").hint("ask without one, or choose another")
}
