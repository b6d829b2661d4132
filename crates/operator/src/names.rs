//! What is a thing called at a peer, so that it is found again whatever happened in between?

/// Longest name that we give at a peer. NetBird and Warpgate take 255; 60 are read at a glance.
const MAX_NAME: usize = 60;

/// Who an environment is, for names and for marks of ownership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its unique id: an environment of the same name that comes later is another one.
    pub uid: String,
    /// The unique id of the connection that it uses. Another cluster may use the same peer through a connection of its
    /// own; what bears its mark is none of our business.
    pub home: String,
}

impl Identity {
    /// The first part of all names in the mesh: readable, and unique through the id.
    pub fn prefix(&self) -> String {
        let readable: String =
            format!("im-{}-{}", self.namespace, self.name).chars().take(MAX_NAME - 13).collect();
        format!("{readable}-{}", self.short())
    }

    /// What is written into descriptions: whose a thing is.
    pub fn mark(&self) -> String {
        format!("intramuros:{}/{}:{}", self.namespace, self.name, self.short())
    }

    /// The name of people's role, and the first part of targets' names, at the bastion: people type it.
    pub fn spoken(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }

    /// What tells environments apart in names and marks: the connection's part, then the environment's.
    pub fn short(&self) -> String {
        short(&self.home, &self.uid)
    }
}

/// Letters of each part: 24 bits. Two of a thousand environments share theirs in one case of 30, and then their names
/// differ all the same, as a namespace has one environment of a name at a time.
const PART: usize = 6;

/// What tells the environment of this id apart among all that use the connection of that id, and from others'.
pub fn short(home: &str, uid: &str) -> String {
    part(home) + &part(uid)
}

/// The connection's part.
pub fn part(uid: &str) -> String {
    blake3::hash(uid.as_bytes()).to_hex().chars().take(PART).collect()
}

/// The last part of a name or mark that we gave, when it has the form: twelve hexadecimal digits.
pub fn short_in(text: &str) -> Option<&str> {
    let last = text.rsplit(['-', ':']).next()?;
    (last.len() == 2 * PART && last.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(last)
}

/// A short print of something secret or long: equal inputs have equal prints, and the print tells nothing else.
pub fn print(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_readable_and_unique() {
        let identity = |name: &str, uid: &str| Identity {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            home: "h".to_owned(),
        };
        assert!(identity("prod", "1").prefix().starts_with("im-shop-prod-"));
        assert_ne!(identity("prod", "1").prefix(), identity("prod", "2").prefix());
        assert!(identity(&"x".repeat(200), "1").prefix().len() <= MAX_NAME);
        let prod = identity("prod", "1");
        assert_eq!(short_in(&prod.prefix()), Some(prod.short().as_str()));
        assert_eq!(short_in(&prod.mark()), Some(prod.short().as_str()));
        assert_eq!(short_in("im-shop-prod"), None);
    }
}
