//! What does a site's `robots.txt` allow us (RFC 9309)?

use std::time::Duration;

/// The name that a site may use for us.
const NAME: &str = "intramuros";

/// Most rules that are heeded. 10,000: beyond it a file is made to be long.
const MAX_RULES: usize = 10_000;

/// What holds for us.
#[derive(Debug, Default)]
pub(super) struct Robots {
    /// Whether it allows, and for which paths.
    rules: Vec<(bool, String)>,
    delay: Option<Duration>,
    maps: Vec<String>,
}

impl Robots {
    /// Reads the file: the groups that name us, or those for everybody where none does.
    pub fn read(text: &str) -> Robots {
        let (mut ours, mut everybody) = (Robots::default(), Robots::default());
        let mut named = false;
        let (mut for_us, mut for_all, mut in_names) = (false, false, false);
        let mut maps = Vec::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if !in_names {
                        (for_us, for_all) = (false, false);
                    }
                    in_names = true;
                    for_us |= value.to_ascii_lowercase().split(['/', ' ']).next() == Some(NAME);
                    for_all |= value == "*";
                    named |= for_us;
                    continue;
                }
                "sitemap" => {
                    maps.push(value.to_owned());
                    continue;
                }
                _ => in_names = false,
            }
            let groups = [(for_us, &mut ours), (for_all, &mut everybody)];
            for (_, group) in groups.into_iter().filter(|(holds, _)| *holds) {
                match key.as_str() {
                    "allow" | "disallow" if !value.is_empty() && group.rules.len() < MAX_RULES => {
                        group.rules.push((key == "allow", value.to_owned()));
                    }
                    "crawl-delay" => {
                        let seconds =
                            value.parse::<f64>().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
                        group.delay = seconds.map(Duration::from_secs_f64);
                    }
                    _ => {}
                }
            }
        }
        Robots { maps, ..if named { ours } else { everybody } }
    }

    /// Whether a path with its query may be asked for: the longest rule that fits says so, and of two the milder.
    pub fn allows(&self, address: &str) -> bool {
        let fitting = self.rules.iter().filter(|(_, pattern)| fits(pattern, address));
        fitting.max_by_key(|(allows, pattern)| (pattern.len(), *allows)).is_none_or(|(allows, _)| *allows)
    }

    /// The pause that the site asks for.
    pub fn delay(&self) -> Option<Duration> {
        self.delay
    }

    /// Addresses of the site's maps, as they stand.
    pub fn maps(&self) -> &[String] {
        &self.maps
    }
}

/// Whether a pattern (`*` for anything, `$` for the end) fits the beginning of an address.
fn fits(pattern: &str, address: &str) -> bool {
    let (pattern, to_end) = pattern.strip_suffix('$').map_or((pattern, false), |pattern| (pattern, true));
    let mut parts = pattern.split('*');
    let Some(mut left) = address.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return !to_end || left.is_empty() };
    for part in between {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    if to_end { left.ends_with(last) } else { left.contains(last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rule_that_fits_decides() {
        let check = |text: &str, address: &str, expected: bool| {
            assert_eq!(Robots::read(text).allows(address), expected, "{text} {address}");
        };
        let text =
            "User-agent: *\nDisallow: /private/ # here\nAllow: /private/open\nDisallow: /*.pdf$\nDisallow:\n";
        check(text, "/", true);
        check(text, "/private/x", false);
        check(text, "/private/open/x", true);
        check(text, "/a/b.pdf", false);
        check(text, "/a/b.pdf?x", true);
        check("", "/x", true);
        check("User-agent: *\nDisallow: /", "/x", false);
        check("User-agent: other\nDisallow: /", "/x", true);
        // What names us holds for us, alone; several names may share a group.
        let ours =
            "User-agent: *\nDisallow: /\n\nUser-agent: other\nUser-agent: Intramuros/1.0\nDisallow: /x\n";
        check(ours, "/y", true);
        check(ours, "/x", false);
        check("User-agent: *\nDisallow: /a\nAllow: /a", "/a", true);
        check("<html>welcome: yes", "/", true);
        let robots = Robots::read(
            "Sitemap: https://a.example/map.xml\nUser-agent: *\nCrawl-delay: 2.5\nCrawl-delay: x",
        );
        assert_eq!(
            (robots.maps(), robots.delay()),
            (["https://a.example/map.xml".to_owned()].as_slice(), None)
        );
    }
}
