//! Which addresses does a name stand for?
//!
//! Asked over TCP: a sealed process has no UDP, and over TCP an answer can't be slipped in by a stranger. Only names
//! in egress rules are asked for. The messages are read here, from bytes that a hostile server may have chosen: names
//! are compared, pointers go backwards only, and every count is bounded.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Time for one name server to answer. 3 s; then the next is asked.
const SERVER_TIME: Duration = Duration::from_secs(3);

/// Most name servers that are asked. 3, as the system's own resolver.
const MAX_SERVERS: usize = 3;

/// Most addresses that are taken from an answer. 16: more is not a service but an attempt.
const MAX_ADDRESSES: usize = 16;

/// Most aliases that are followed. 8.
const MAX_ALIASES: usize = 8;

/// Largest answer in bytes. 8 KiB: 16 addresses with long names; more is not read.
const MAX_ANSWER_BYTES: usize = 8192;

/// Port of name servers.
const PORT: u16 = 53;

/// Type A, an IPv4 address.
const TYPE_A: u16 = 1;
/// Type AAAA, an IPv6 address.
const TYPE_AAAA: u16 = 28;
/// Type CNAME, an alias.
const TYPE_CNAME: u16 = 5;

/// Who is asked, and what is known without asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolver {
    /// Name servers, in the order in which they are asked.
    pub servers: Vec<SocketAddr>,
    /// Names with their addresses, from the system's `hosts` file.
    pub hosts: Vec<(String, IpAddr)>,
}

impl Resolver {
    /// From the declared servers, or else from the texts of `/etc/resolv.conf` and `/etc/hosts`.
    pub fn new(declared: &[String], resolv_conf: &str, hosts: &str) -> Resolver {
        let from_text = |text: &str| {
            text.parse::<SocketAddr>()
                .ok()
                .or_else(|| text.parse::<IpAddr>().ok().map(|ip| (ip, PORT).into()))
        };
        let mut servers: Vec<SocketAddr> = declared.iter().filter_map(|text| from_text(text)).collect();
        if servers.is_empty() {
            let lines = resolv_conf.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
            servers = lines.filter_map(|rest| from_text(rest.trim())).collect();
        }
        servers.truncate(MAX_SERVERS);
        let mut names = Vec::new();
        for line in hosts.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            if let Some(address) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) {
                names.extend(words.map(|name| (name.to_ascii_lowercase(), address)));
            }
        }
        Resolver { servers, hosts: names }
    }

    /// The addresses of a name: from the hosts file, or from the first server that answers.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        if name == "localhost" {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let known: Vec<IpAddr> =
            self.hosts.iter().filter(|(host, _)| host == name).map(|(_, address)| *address).collect();
        if !known.is_empty() {
            return Ok(known);
        }
        let mut why = "no name server is declared, and the system has none".to_owned();
        for server in self.servers.iter().take(MAX_SERVERS) {
            match tokio::time::timeout(SERVER_TIME, ask(*server, name)).await {
                Ok(Ok(addresses)) if addresses.is_empty() => return Err("it has no address".to_owned()),
                Ok(Ok(addresses)) => return Ok(addresses),
                Ok(Err(error)) => why = format!("{server}: {error}"),
                Err(_) => why = format!("{server} did not answer within {} s", SERVER_TIME.as_secs()),
            }
        }
        Err(why)
    }
}

/// Asks one server for the IPv4 and IPv6 addresses of a name, over one connection.
async fn ask(server: SocketAddr, name: &str) -> Result<Vec<IpAddr>, String> {
    let mut stream = TcpStream::connect(server).await.map_err(|error| error.to_string())?;
    let mut addresses = Vec::new();
    for kind in [TYPE_A, TYPE_AAAA] {
        let id = random_id()?;
        let query = write_query(id, name, kind)?;
        stream.write_all(&query).await.map_err(|error| error.to_string())?;
        let length = usize::from(stream.read_u16().await.map_err(|error| error.to_string())?);
        if length > MAX_ANSWER_BYTES {
            return Err(format!("an answer of {length} bytes; at most {MAX_ANSWER_BYTES} are read"));
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).await.map_err(|error| error.to_string())?;
        addresses.extend(read_answer(&answer, id, name, kind)?);
    }
    addresses.truncate(MAX_ADDRESSES);
    Ok(addresses)
}

fn random_id() -> Result<u16, String> {
    use ring::rand::SecureRandom;
    let mut bytes = [0; 2];
    ring::rand::SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| "the machine gives no randomness".to_owned())?;
    Ok(u16::from_be_bytes(bytes))
}

/// A question with its length before it, as TCP wants it.
fn write_query(id: u16, name: &str, kind: u16) -> Result<Vec<u8>, String> {
    let mut message = Vec::with_capacity(name.len() + 20);
    message.extend_from_slice(&id.to_be_bytes());
    // Recursion desired; one question.
    message.extend_from_slice(&[0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length));
        message.push(length.ok_or("the name can't be asked for")?);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    let length = u16::try_from(message.len()).map_err(|_| "the name is too long".to_owned())?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.append(&mut message);
    Ok(framed)
}

/// A message being read.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or("the answer ends too early")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, String> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A name in lower case, dots between its labels. Pointers may only lead backwards, so that reading ends.
    fn name(&mut self) -> Result<String, String> {
        let mut name = String::new();
        let mut at = self.at;
        let mut end = None;
        let mut limit = at;
        loop {
            let length = usize::from(*self.bytes.get(at).ok_or("a name ends too early")?);
            match length {
                0 => {
                    self.at = end.unwrap_or(at + 1);
                    return Ok(name);
                }
                1..=63 => {
                    let label = self.bytes.get(at + 1..at + 1 + length).ok_or("a name ends too early")?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    // Anything but ASCII can't be the name that was asked for.
                    name.extend(label.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
                    at += 1 + length;
                }
                192.. => {
                    let low = usize::from(*self.bytes.get(at + 1).ok_or("a name ends too early")?);
                    let target = (length & 63) << 8 | low;
                    end.get_or_insert(at + 2);
                    if target >= limit {
                        return Err("a name points forwards".to_owned());
                    }
                    (at, limit) = (target, target);
                }
                _ => return Err("a name of an unknown form".to_owned()),
            }
            if name.len() > intramuros_core::perimeter::host::MAX_HOST_BYTES {
                return Err("a name is too long".to_owned());
            }
        }
    }
}

/// The addresses in an answer to a question; aliases in the same answer are followed.
fn read_answer(bytes: &[u8], id: u16, name: &str, kind: u16) -> Result<Vec<IpAddr>, String> {
    let mut reader = Reader { bytes, at: 0 };
    let (answered, flags) = (reader.u16()?, reader.u16()?);
    let (questions, answers) = (reader.u16()?, reader.u16()?);
    reader.take(4)?;
    if answered != id || flags & 0x8000 == 0 || questions != 1 {
        return Err("the answer is to another question".to_owned());
    }
    match flags & 0x000f {
        0 => {}
        3 => return Err("the name does not exist".to_owned()),
        code => return Err(format!("the server answers with error {code}")),
    }
    if flags & 0x0200 != 0 {
        return Err("the answer was cut".to_owned());
    }
    if reader.name()? != name || reader.u16()? != kind || reader.u16()? != 1 {
        return Err("the answer is to another question".to_owned());
    }
    let mut wanted = name.to_owned();
    let mut aliases = 0;
    let mut addresses = Vec::new();
    for _ in 0..answers {
        let owner = reader.name()?;
        let (found, class) = (reader.u16()?, reader.u16()?);
        reader.take(4)?;
        let length = usize::from(reader.u16()?);
        let start = reader.at;
        if class == 1 && owner == wanted && found == TYPE_CNAME && aliases < MAX_ALIASES {
            wanted = reader.name()?;
            aliases += 1;
        } else if class == 1 && owner == wanted && found == kind && addresses.len() < MAX_ADDRESSES {
            let data = reader.take(length)?;
            let address = match kind {
                TYPE_A => <[u8; 4]>::try_from(data).ok().map(IpAddr::from),
                _ => <[u8; 16]>::try_from(data).ok().map(IpAddr::from),
            };
            addresses.push(address.ok_or("an address of the wrong length")?);
        }
        reader.at = start;
        reader.take(length)?;
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer section's records: owner, type, data.
    fn answer(name: &str, kind: u16, records: &[(&str, u16, &[u8])]) -> Vec<u8> {
        let query = write_query(7, name, kind).unwrap();
        let mut bytes = query[2..].to_vec();
        bytes[2] = 0x81;
        bytes[7] = u8::try_from(records.len()).unwrap();
        for (owner, kind, data) in records {
            let encoded = write_query(7, owner, *kind).unwrap();
            bytes.extend_from_slice(&encoded[14..]);
            bytes.extend_from_slice(&[0, 0, 0, 9]);
            bytes.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(data);
        }
        bytes
    }

    fn encoded(name: &str) -> Vec<u8> {
        let query = write_query(7, name, 1).unwrap();
        query[14..query.len() - 4].to_vec()
    }

    #[test]
    fn addresses_of_the_name_and_its_aliases_are_taken_and_no_others() {
        let check = |records: &[(&str, u16, &[u8])], expected: &[&str]| {
            let read = read_answer(&answer("a.example", TYPE_A, records), 7, "a.example", TYPE_A).unwrap();
            assert_eq!(read.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        };
        check(&[("a.example", TYPE_A, &[1, 2, 3, 4])], &["1.2.3.4"]);
        check(&[("A.Example", TYPE_A, &[1, 2, 3, 4])], &["1.2.3.4"]);
        check(&[("b.example", TYPE_A, &[6, 6, 6, 6])], &[]);
        check(
            &[("a.example", TYPE_CNAME, &encoded("b.example")), ("b.example", TYPE_A, &[5, 5, 5, 5])],
            &["5.5.5.5"],
        );
        check(&[("a.example", TYPE_AAAA, &[0; 16])], &[]);
    }

    #[test]
    fn damaged_and_hostile_answers_are_refused() {
        let good = answer("a.example", TYPE_A, &[("a.example", TYPE_A, &[1, 2, 3, 4])]);
        let read = |bytes: &[u8]| read_answer(bytes, 7, "a.example", TYPE_A);
        assert!(read(&good).is_ok());
        assert!(read_answer(&good, 8, "a.example", TYPE_A).is_err());
        assert!(read_answer(&good, 7, "b.example", TYPE_A).is_err());
        for end in 0..good.len() {
            assert!(read(&good[..end]).is_err(), "{end}");
        }
        // A pointer to itself, and any byte changed: an error or an answer, never a panic or a hang.
        let mut looped = good.clone();
        looped[12] = 0xc0;
        looped[13] = 12;
        assert!(read(&looped).is_err());
        for at in 0..good.len() {
            for value in [0, 1, 63, 64, 192, 255] {
                let mut changed = good.clone();
                changed[at] = value;
                let _ = read(&changed);
            }
        }
        assert!(write_query(7, &"a".repeat(64), 1).is_err());
    }

    #[test]
    fn the_systems_files_are_read() {
        let resolver = Resolver::new(
            &[],
            "# comment\nnameserver 192.0.2.53\nnameserver 2001:db8::53\nnameserver x\nsearch example\n",
            "127.0.0.1 localhost # here\n10.0.0.7\tdb.internal DB\n",
        );
        assert_eq!(
            resolver.servers,
            ["192.0.2.53:53".parse().unwrap(), "[2001:db8::53]:53".parse().unwrap()]
        );
        assert!(resolver.hosts.contains(&("db".to_owned(), "10.0.0.7".parse().unwrap())));
        let declared = Resolver::new(&["192.0.2.1:5353".to_owned()], "nameserver 192.0.2.53", "");
        assert_eq!(declared.servers, ["192.0.2.1:5353".parse().unwrap()]);
    }
}
