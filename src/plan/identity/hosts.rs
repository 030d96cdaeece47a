//! A marked block in the hosts file: what it says, and a text with or without it; and which programs need none for names
//! below `localhost`. Pure.

/// From which version on a program finds names below `localhost` without asking the system, as RFC 6761 (6.3) wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Every version that is about.
    Ever,
    /// This one, major and minor.
    Version(u32, u32),
    /// None: it asks the system.
    Never,
}

/// Programs that people open addresses with. Of curl see its pull request 9296.
pub const PROGRAMS: [(&str, Since); 14] = [
    ("chromium", Since::Ever),
    ("google-chrome", Since::Ever),
    ("firefox", Since::Ever),
    ("curl", Since::Version(7, 85)),
    ("wget", Since::Never),
    ("http", Since::Never),
    ("python3", Since::Never),
    ("node", Since::Never),
    ("java", Since::Never),
    ("ruby", Since::Never),
    ("php", Since::Never),
    ("psql", Since::Never),
    ("redis-cli", Since::Never),
    ("ping", Since::Never),
];

impl Since {
    /// Whether a program finds them itself, given what it says of its version.
    #[must_use]
    pub fn has(self, said: &str) -> bool {
        match self {
            Self::Ever => true,
            Self::Never => false,
            Self::Version(major, minor) => version(said).is_some_and(|found| found >= (major, minor)),
        }
    }
}

/// The first number with a dot in it: `curl 7.88.1 (x86_64 …`.
fn version(said: &str) -> Option<(u32, u32)> {
    said.split_whitespace().find_map(|word| {
        let mut numbers = word.split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    })
}

/// The hosts file with a block for `owner` that leads `names` to where the gateway listens on this machine; an earlier block of the same owner goes.
#[must_use]
pub fn with_block(text: &str, owner: &str, names: &[String]) -> String {
    let mut text = without_block(text, owner);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let names = names.join(" ");
    text.push_str(&format!("{}\n127.0.0.1 {names}\n{}\n", begin(owner), end(owner)));
    text
}

/// The hosts file without the block of `owner`; everything else stays as it is, byte for byte. A block whose end is
/// gone is cut down to the lines that devenv writes.
#[must_use]
pub fn without_block(text: &str, owner: &str) -> String {
    let (begin, end) = (begin(owner), end(owner));
    let mut kept = String::new();
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        if bare == begin {
            inside = true;
        } else if inside && bare == end {
            inside = false;
        } else if inside && ["127.0.0.1 ", "::1 "].iter().any(|ours| bare.starts_with(ours)) {
        } else {
            inside = false;
            kept.push_str(line);
        }
    }
    kept
}

/// The names that the block of `owner` has.
#[must_use]
pub fn block(text: &str, owner: &str) -> Vec<String> {
    let mut lines = text.lines().skip_while(|line| line.trim_end() != begin(owner)).skip(1);
    let names = lines.next().and_then(|line| line.strip_prefix("127.0.0.1 ")).unwrap_or_default();
    names.split_whitespace().map(str::to_owned).collect()
}

fn begin(owner: &str) -> String {
    format!("# devenv {owner}: begin (`devenv hosts remove` takes it away)")
}

fn end(owner: &str) -> String {
    format!("# devenv {owner}: end")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: &str = "127.0.0.1 localhost\n# mine\n10.0.0.1 nas";

    #[test]
    fn a_block_comes_and_goes_and_the_rest_stays() {
        let names = ["shop.localhost".to_owned(), "shop.internal".to_owned()];
        let with = with_block(OTHERS, "0a", &names);
        assert_eq!(
            with,
            "127.0.0.1 localhost\n# mine\n10.0.0.1 nas\n\
             # devenv 0a: begin (`devenv hosts remove` takes it away)\n\
             127.0.0.1 shop.localhost shop.internal\n# devenv 0a: end\n"
        );
        assert_eq!(block(&with, "0a"), names);
        assert_eq!(with_block(&with, "0a", &names), with);
        assert_eq!(without_block(&with, "0a"), format!("{OTHERS}\n"));
        let earlier = with.replace("shop.internal\n", "shop.internal\n::1 shop.localhost shop.internal\n");
        assert_eq!(without_block(&earlier, "0a"), format!("{OTHERS}\n"), "a block as it was before");
        let both = with_block(&with, "0b", &names[..1]);
        assert_eq!(without_block(&both, "0b"), with, "the block of another checkout stays");
    }

    #[test]
    fn a_program_finds_names_by_itself_from_a_version_on() {
        let curl = PROGRAMS.iter().find(|(name, _)| *name == "curl").unwrap().1;
        let said = |version: &str| format!("curl {version} (x86_64-pc-linux-gnu) libcurl/{version} OpenSSL/3.0.19");
        for (version, finds) in
            [("7.81.0", false), ("7.85.0", true), ("7.9", false), ("8.14.1", true), ("8.0-DEV", false)]
        {
            assert_eq!(curl.has(&said(version)), finds, "{version}");
        }
        assert!(!curl.has("") && Since::Ever.has("") && !Since::Never.has("curl 9.9"));
    }

    #[test]
    fn a_block_without_its_end_takes_nothing_of_others() {
        let broken = with_block("", "0a", &["x.localhost".to_owned()]).replace("# devenv 0a: end\n", "10.0.0.1 nas\n");
        assert_eq!(without_block(&broken, "0a"), "10.0.0.1 nas\n");
    }
}
