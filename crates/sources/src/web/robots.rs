//! What does a site's `robots.txt` allow us (RFC 9309)?

use std::time::Duration;

/// The name that a site may use for us.
const NAME: &str = "intramuros";

/// Most rules that are heeded. 1,000: more than sites have, and each address that is found is held against all of them.
const MAX_RULES: usize = 1_000;

/// Most `*` in one rule. 16: real ones have two or three, and each is looked for in every address.
const MAX_STARS: usize = 16;

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
                    "allow" | "disallow" if !value.is_empty() => group.add(key == "allow", value),
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

    /// Adds a rule, unless it is there or there are too many.
    fn add(&mut self, allows: bool, pattern: &str) {
        let Some(pattern) = bounded(allows, pattern) else { return };
        let rule = (allows, pattern);
        if self.rules.len() < MAX_RULES && !self.rules.contains(&rule) {
            self.rules.push(rule);
        }
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

/// A pattern with no more `*` than are looked for. What would close a part of the site closes more without those that
/// follow; what would open one opens nothing.
fn bounded(allows: bool, pattern: &str) -> Option<String> {
    match pattern.match_indices('*').nth(MAX_STARS) {
        None => Some(pattern.to_owned()),
        Some(_) if allows => None,
        Some((at, _)) => pattern.get(..at).map(str::to_owned),
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
        // More rules than are heeded, the same one over and over, and one of nothing but stars.
        let many: String = (0..2 * MAX_RULES).map(|number| format!("Disallow: /{number}$\n")).collect();
        let robots = Robots::read(&format!("User-agent: *\n{many}"));
        assert_eq!(robots.rules.len(), MAX_RULES);
        assert!(!robots.allows("/999") && robots.allows("/1000"));
        let same = "Disallow: /x\n".repeat(2 * MAX_RULES);
        let text = format!("User-agent: *\n{same}Disallow: /y\n");
        assert_eq!(Robots::read(&text).rules.len(), 2);
        check(&text, "/y", false);
        let stars = |count: usize| format!("/{}b", "*a".repeat(count));
        check(&format!("User-agent: *\nDisallow: {}", stars(MAX_STARS)), &"/a".repeat(40), true);
        check(&format!("User-agent: *\nDisallow: {}", stars(900)), &"/a".repeat(40), false);
        check(
            &format!("User-agent: *\nDisallow: /\nAllow: {}", stars(900)),
            &format!("/{}b", "a".repeat(999)),
            false,
        );
        let robots = Robots::read(
            "Sitemap: https://a.example/map.xml\nUser-agent: *\nCrawl-delay: 2.5\nCrawl-delay: x",
        );
        assert_eq!(
            (robots.maps(), robots.delay()),
            (["https://a.example/map.xml".to_owned()].as_slice(), None)
        );
    }
}
