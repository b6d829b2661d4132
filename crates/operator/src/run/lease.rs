//! Which of several operators acts? The one that holds the Lease.
//!
//! The moment in a Lease is another machine's clock, so it is compared with nothing: a Lease has run out when it has not
//! changed for its whole duration by our own clock.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use tokio::time::Instant;

/// How long a Lease holds without a word from its holder. 30 s: nobody waits longer for a new operator.
pub const HOLDS: Duration = Duration::from_secs(30);

/// How often it is renewed: two words may get lost.
pub const RENEW: Duration = Duration::from_secs(10);

/// The Lease of the operator.
pub struct Leadership {
    api: Api<Lease>,
    name: String,
    me: String,
    seen: Option<(String, Instant)>,
}

impl Leadership {
    /// The Lease of this name, for a candidate.
    pub fn new(api: Api<Lease>, name: &str, me: &str) -> Leadership {
        Leadership { api, name: name.to_owned(), me: me.to_owned(), seen: None }
    }

    /// Tries to get or keep the Lease. Whether it is ours now.
    ///
    /// # Errors
    /// When the server can't be asked. Somebody who was faster is no error.
    pub async fn hold(&mut self) -> Result<bool, kube::Error> {
        let Some(lease) = self.api.get_opt(&self.name).await? else {
            let lease = Lease { metadata: self.meta(None), spec: Some(self.spec(None)) };
            return settled(self.api.create(&PostParams::default(), &lease).await);
        };
        let known = lease.spec.clone().unwrap_or_default();
        let holder = known.holder_identity.clone().unwrap_or_default();
        if holder != self.me && !holder.is_empty() && !self.ran_out(&lease) {
            return Ok(false);
        }
        let spec = self.spec((holder == self.me).then_some(&known));
        let next = Lease { metadata: self.meta(lease.metadata.resource_version), spec: Some(spec) };
        settled(self.api.replace(&self.name, &PostParams::default(), &next).await)
    }

    /// Gives the Lease back, so that the next one need not wait.
    pub async fn release(&self) {
        if let Ok(Some(mut lease)) = self.api.get_opt(&self.name).await
            && let Some(spec) = &mut lease.spec
            && spec.holder_identity.as_ref() == Some(&self.me)
        {
            spec.holder_identity = None;
            let _ = self.api.replace(&self.name, &PostParams::default(), &lease).await;
        }
    }

    fn ran_out(&mut self, lease: &Lease) -> bool {
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        match &self.seen {
            Some((seen, since)) if *seen == version => since.elapsed() > HOLDS,
            _ => {
                self.seen = Some((version, Instant::now()));
                false
            }
        }
    }

    fn meta(&self, version: Option<String>) -> ObjectMeta {
        ObjectMeta { name: Some(self.name.clone()), resource_version: version, ..ObjectMeta::default() }
    }

    fn spec(&self, known: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(k8s_openapi::jiff::Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: Some(HOLDS.as_secs() as i32),
            acquire_time: known.and_then(|known| known.acquire_time.clone()).or_else(|| Some(now.clone())),
            renew_time: Some(now),
            ..LeaseSpec::default()
        }
    }
}

fn settled(answer: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
    match answer {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}
