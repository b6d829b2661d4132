//! How often may somebody try to sign in, so that nobody guesses and nobody locks another out?
//!
//! Failures are counted for a name from one network, and for a network whatever the name. There is no count of a name
//! alone: with one, anybody could keep a person out by failing in her name. A browser in which she signed in before has
//! a count of its own, which nobody else can use up, also not from behind the same address. Guessing from a thousand
//! networks stays hopeless because passphrases are long and their hashes slow.

use std::collections::HashMap;
use std::net::IpAddr;

/// Failures for one name from one network before waiting begins. 5: a slip of the keyboard, the wrong passphrase twice.
pub const FREE_FOR_NAME: u32 = 5;

/// Failures from one network before waiting begins. 50: an office behind one address on a Monday.
pub const FREE_FOR_NETWORK: u32 = 50;

/// Longest wait for a name from a network, in milliseconds: 15 minutes, a hundred guesses a day.
const MOST_FOR_NAME_MS: i64 = 15 * 60_000;

/// Longest wait for a whole network, in milliseconds: a minute, since others are behind it too.
const MOST_FOR_NETWORK_MS: i64 = 60_000;

/// Failures are forgotten after this long without another, in milliseconds: an hour.
const FORGOTTEN_MS: i64 = 3_600_000;

/// Counts kept at most; the oldest go first. 20,000: some two megabytes.
const MOST_COUNTS: usize = 20_000;

/// From where somebody tries: an IPv4 address, or the half of an IPv6 address that a connection is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(u128);

impl Network {
    /// The network of an address.
    pub fn of(address: IpAddr) -> Network {
        match address.to_canonical() {
            IpAddr::V4(address) => Network(u128::from(u32::from(address))),
            IpAddr::V6(address) => Network(u128::from(address) >> 64 << 64),
        }
    }
}

/// One attempt: in whose name, from where.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The name, as it is compared.
    pub name: &'a str,
    /// From where.
    pub network: Network,
    /// Whether the browser shows that this person signed in there before.
    pub known_browser: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Count {
    Name([u8; 32], Network),
    Browser([u8; 32]),
    Network(Network),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    number: u32,
    last_ms: i64,
}

/// The counts. Kept in memory: a restart forgets them.
#[derive(Debug, Default)]
pub struct Throttle(HashMap<Count, Failures>);

impl Throttle {
    /// How long this attempt must wait, in milliseconds; none when it may go on.
    pub fn wait(&self, attempt: &Attempt<'_>, now_ms: i64) -> Option<i64> {
        counts(attempt).into_iter().filter_map(|count| self.wait_of(&count, now_ms)).max()
    }

    /// Notes that an attempt failed.
    pub fn failed(&mut self, attempt: &Attempt<'_>, now_ms: i64) {
        self.make_room(now_ms);
        for count in counts(attempt) {
            let failures = self.0.entry(count).or_insert(Failures { number: 0, last_ms: now_ms });
            if now_ms - failures.last_ms > FORGOTTEN_MS {
                failures.number = 0;
            }
            failures.number = failures.number.saturating_add(1);
            failures.last_ms = now_ms;
        }
    }

    /// Notes that an attempt succeeded: the name's failures from there are forgotten, those of the network stay.
    pub fn succeeded(&mut self, attempt: &Attempt<'_>) {
        for count in counts(attempt).into_iter().filter(|count| !matches!(count, Count::Network(_))) {
            self.0.remove(&count);
        }
    }

    fn wait_of(&self, count: &Count, now_ms: i64) -> Option<i64> {
        let failures = self.0.get(count)?;
        let (free, most) = match count {
            Count::Network(_) => (FREE_FOR_NETWORK, MOST_FOR_NETWORK_MS),
            Count::Name(..) | Count::Browser(_) => (FREE_FOR_NAME, MOST_FOR_NAME_MS),
        };
        let beyond = failures.number.checked_sub(free)?;
        // 1 s, 2 s, 4 s… until the longest.
        let wait = 1_000_i64.checked_shl(beyond.min(20)).unwrap_or(most).min(most);
        let left = failures.last_ms + wait - now_ms;
        (left > 0).then_some(left.min(wait))
    }

    fn make_room(&mut self, now_ms: i64) {
        if self.0.len() < MOST_COUNTS {
            return;
        }
        self.0.retain(|_, failures| now_ms - failures.last_ms <= FORGOTTEN_MS);
        if self.0.len() >= MOST_COUNTS {
            let mut ages: Vec<i64> = self.0.values().map(|failures| failures.last_ms).collect();
            let middle = ages.len() / 2;
            let (_, middle, _) = ages.select_nth_unstable(middle);
            let oldest = *middle;
            self.0.retain(|_, failures| failures.last_ms > oldest);
        }
    }
}

/// The counts that an attempt falls under. A known browser is apart from everybody else.
fn counts(attempt: &Attempt<'_>) -> Vec<Count> {
    let name = *blake3::hash(attempt.name.as_bytes()).as_bytes();
    if attempt.known_browser {
        return vec![Count::Browser(name)];
    }
    vec![Count::Name(name, attempt.network), Count::Network(attempt.network)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt<'a>(name: &'a str, address: &str, known_browser: bool) -> Attempt<'a> {
        Attempt { name, network: Network::of(address.parse().unwrap()), known_browser }
    }

    #[test]
    fn guessing_gets_slower_and_slower() {
        let mut throttle = Throttle::default();
        let guess = attempt("anne", "192.0.2.1", false);
        let (mut now, mut tries) = (0, 0);
        while now < 24 * 3_600_000 {
            match throttle.wait(&guess, now) {
                Some(wait) => now += wait,
                None => {
                    tries += 1;
                    throttle.failed(&guess, now);
                }
            }
        }
        assert!((50..=120).contains(&tries), "{tries} guesses in a day");
    }

    #[test]
    fn nobody_can_lock_another_out() {
        let mut throttle = Throttle::default();
        for number in 0..1_000 {
            throttle.failed(&attempt("anne", "192.0.2.1", false), number);
            throttle.failed(&attempt("anne", "2001:db8::1", false), number);
        }
        let check = |address: &str, known: bool, expected: bool| {
            assert_eq!(
                throttle.wait(&attempt("anne", address, known), 1_000).is_none(),
                expected,
                "{address}"
            );
        };
        // From elsewhere she may, and from behind the very same address in her own browser.
        check("192.0.2.2", false, true);
        check("192.0.2.1", true, true);
        check("192.0.2.1", false, false);
        // Another address of the same connection is the same connection.
        check("2001:db8::ffff", false, false);
        check("2001:db8:1::1", false, true);
        // Others behind the address wait a minute at most, and in their own browsers not at all.
        assert!(
            throttle.wait(&attempt("bruno", "192.0.2.1", false), 1_000).is_some_and(|wait| wait <= 60_000)
        );
        assert_eq!(throttle.wait(&attempt("bruno", "192.0.2.1", true), 1_000), None);
    }

    #[test]
    fn slips_are_forgotten_and_memory_is_bounded() {
        let mut throttle = Throttle::default();
        let slip = attempt("anne", "192.0.2.1", false);
        for _ in 0..6 {
            throttle.failed(&slip, 0);
        }
        assert!(throttle.wait(&slip, 0).is_some());
        throttle.succeeded(&slip);
        assert_eq!(throttle.wait(&slip, 0), None);
        for number in 0..100_000_u32 {
            let name = number.to_string();
            throttle.failed(&attempt(&name, "192.0.2.1", false), i64::from(number));
        }
        assert!(throttle.0.len() <= MOST_COUNTS + 2, "{}", throttle.0.len());
        // A network's own count lives on through that.
        assert!(throttle.wait(&attempt("z", "192.0.2.1", false), 100_000).is_some());
    }
}
