//! What do we believe a peer looks like, and when must it be asked again?
//!
//! A peer is looked at as a whole, then known changes of ours are written into the picture, so that five hundred
//! environments do not ask for the same lists. The picture is thrown away whenever an answer was lost or a request was
//! refused: then the peer knows better than we do.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::Instant;

/// The picture of one peer.
pub struct Held<S> {
    seen: Mutex<Option<Seen<S>>>,
    /// Held shared while a request of ours is under way, and alone while the peer is looked at: a look that began before
    /// a change and ended after it would hide the change.
    gate: RwLock<()>,
}

struct Seen<S> {
    picture: S,
    at: Instant,
}

impl<S> Default for Held<S> {
    fn default() -> Held<S> {
        Held { seen: Mutex::new(None), gate: RwLock::new(()) }
    }
}

impl<S> Held<S> {
    /// Begins a change.
    pub async fn changing(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().await
    }

    /// Takes a new picture with `observe`, and says whether it differs from the old one.
    ///
    /// # Errors
    /// Those of `observe`.
    pub async fn look<E>(&self, observe: impl Future<Output = Result<S, E>>) -> Result<bool, E>
    where
        S: PartialEq,
    {
        let _gate = self.looking().await;
        Ok(self.take(observe.await?))
    }

    /// Reads the picture, taking it with `observe` first where there is none.
    ///
    /// # Errors
    /// Those of `observe`.
    pub async fn with<T, E>(
        &self,
        observe: impl Future<Output = Result<S, E>>,
        reader: impl Fn(&S) -> T,
    ) -> Result<T, E>
    where
        S: PartialEq,
    {
        if let Some(value) = self.read(&reader) {
            return Ok(value);
        }
        let _gate = self.looking().await;
        // Somebody else may have looked while we waited.
        if let Some(value) = self.read(&reader) {
            return Ok(value);
        }
        let picture = observe.await?;
        let value = reader(&picture);
        self.take(picture);
        Ok(value)
    }

    /// Begins a look.
    pub async fn looking(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().await
    }

    /// How old the picture is; none without one.
    pub fn age(&self) -> Option<Duration> {
        self.lock().as_ref().map(|seen| seen.at.elapsed())
    }

    /// Takes a new picture, and says whether it differs from the old one. The first differs from nothing.
    pub fn take(&self, picture: S) -> bool
    where
        S: PartialEq,
    {
        let mut seen = self.lock();
        let changed = seen.as_ref().is_none_or(|known| known.picture != picture);
        *seen = Some(Seen { picture, at: Instant::now() });
        changed
    }

    /// Throws the picture away.
    pub fn doubt(&self) {
        *self.lock() = None;
    }

    /// Reads the picture; none when it must be taken first.
    pub fn read<T>(&self, reader: impl FnOnce(&S) -> T) -> Option<T> {
        self.lock().as_ref().map(|seen| reader(&seen.picture))
    }

    /// Writes a change of ours into the picture.
    pub fn write(&self, writer: impl FnOnce(&mut S)) {
        if let Some(seen) = self.lock().as_mut() {
            writer(&mut seen.picture);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Seen<S>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
