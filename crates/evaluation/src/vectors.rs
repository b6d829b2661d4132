//! Which vectors were computed in an earlier run?
//!
//! A file of vectors by the hash of what was embedded, so that trying another weight doesn't embed everything again.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Write};
use std::path::Path;

use intramuros_core::error::Error;
use intramuros_core::vector::{VECTOR_BYTES, Vector};
use intramuros_inference::Embedder;

const HASH_BYTES: usize = 16;

/// Vectors by hash, with the file that new ones are added to.
pub struct VectorCache {
    known: HashMap<[u8; HASH_BYTES], Vector>,
    file: Option<File>,
}

impl VectorCache {
    /// Opens the cache in a file; without one, nothing is kept.
    ///
    /// # Errors
    /// When the file can't be opened. A half-written last record is passed over.
    pub fn open(path: Option<&Path>) -> Result<VectorCache, Error> {
        let Some(path) = path else { return Ok(VectorCache { known: HashMap::new(), file: None }) };
        let failed = |error: std::io::Error| {
            Error::user(format!("{}: can't be used as cache", path.display())).because(error)
        };
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        let mut known = HashMap::new();
        let mut reader = BufReader::new(&file);
        let mut record = [0u8; HASH_BYTES + VECTOR_BYTES];
        while reader.read_exact(&mut record).is_ok() {
            if let Some((hash, vector)) = record.split_first_chunk::<HASH_BYTES>()
                && let Some(vector) = Vector::from_bytes(vector)
            {
                known.insert(*hash, vector);
            }
        }
        Ok(VectorCache { known, file: Some(file) })
    }

    /// The vector of a passage.
    ///
    /// # Errors
    /// When the model fails or the cache can't be written.
    pub fn passage(&mut self, embedder: &Embedder, text: &str) -> Result<Vector, Error> {
        let digest = blake3::hash(format!("{}\n{text}", embedder.name()).as_bytes());
        let mut hash = [0u8; HASH_BYTES];
        hash.copy_from_slice(digest.as_bytes().get(..HASH_BYTES).unwrap_or(&[0; HASH_BYTES]));
        if let Some(vector) = self.known.get(&hash) {
            return Ok(vector.clone());
        }
        let components = embedder.passage(text)?;
        let vector = Vector::quantise(&components)
            .ok_or_else(|| Error::internal("the model gave no proper vector"))?;
        if let Some(file) = &mut self.file {
            let mut record = hash.to_vec();
            record.extend(vector.to_bytes());
            file.write_all(&record)
                .map_err(|error| Error::user("the cache of vectors can't be written").because(error))?;
        }
        self.known.insert(hash, vector.clone());
        Ok(vector)
    }
}
