//! A marked block in the hosts file: what it says, and a text with or without it. Pure.

/// The hosts file with a block for `owner` that leads `names` to this machine; an earlier block of the same owner goes.
#[must_use]
pub fn with_block(text: &str, owner: &str, names: &[String]) -> String {
    let mut text = without_block(text, owner);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let names = names.join(" ");
    text.push_str(&format!("{}\n127.0.0.1 {names}\n::1 {names}\n{}\n", begin(owner), end(owner)));
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
        } else if inside && (bare.starts_with("127.0.0.1 ") || bare.starts_with("::1 ")) {
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
             127.0.0.1 shop.localhost shop.internal\n::1 shop.localhost shop.internal\n# devenv 0a: end\n"
        );
        assert_eq!(block(&with, "0a"), names);
        assert_eq!(with_block(&with, "0a", &names), with);
        assert_eq!(without_block(&with, "0a"), format!("{OTHERS}\n"));
        let both = with_block(&with, "0b", &names[..1]);
        assert_eq!(without_block(&both, "0b"), with, "the block of another checkout stays");
    }

    #[test]
    fn a_block_without_its_end_takes_nothing_of_others() {
        let broken = with_block("", "0a", &["x.localhost".to_owned()]).replace("# devenv 0a: end\n", "10.0.0.1 nas\n");
        assert_eq!(without_block(&broken, "0a"), "10.0.0.1 nas\n");
    }
}
