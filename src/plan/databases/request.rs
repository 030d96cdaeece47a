//! What `db` is asked to do: `[NAME] [ACTION] [FILE]`. Pure.

use crate::nearest::nearest;

/// What can be done with a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseAction {
    /// List databases with their sizes.
    List,
    /// Open a session.
    Console,
    /// Write all data into a file.
    Dump,
    /// Replace all data by that of a file.
    Restore,
    /// Add what the seed has.
    Seed,
    /// Go back to the seed, or to nothing.
    Reset,
}

/// Their names.
pub const ACTIONS: [(&str, DatabaseAction); 5] = [
    ("console", DatabaseAction::Console),
    ("dump", DatabaseAction::Dump),
    ("restore", DatabaseAction::Restore),
    ("seed", DatabaseAction::Seed),
    ("reset", DatabaseAction::Reset),
];

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseRequest<'a> {
    /// The service, where one is named.
    pub name: Option<&'a str>,
    /// What to do.
    pub action: DatabaseAction,
    /// The file to write or to read.
    pub file: Option<&'a str>,
}

/// Words that ask for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The second word is not an action.
    #[error("`{0}` is not a database action{1}")]
    UnknownAction(String, String),
    /// A word is left.
    #[error("unexpected argument `{0}`")]
    TooMany(String),
    /// `restore` has no file.
    #[error("`restore` needs the file to read")]
    NoFile,
}

/// Reads the words; a first word that is an action is one, unless an action follows it.
pub fn parse(words: &[String]) -> Result<DatabaseRequest<'_>, RequestError> {
    let action = |word: &str| ACTIONS.iter().find(|(name, _)| *name == word).map(|(_, action)| *action);
    let mut rest = words.iter().map(String::as_str).peekable();
    let first = rest.peek().and_then(|word| action(word));
    let second = words.get(1).and_then(|word| action(word));
    let name = if first.is_none() || second.is_some() { rest.next() } else { None };
    let action = match rest.next() {
        None => DatabaseAction::List,
        Some(word) => action(word).ok_or_else(|| {
            let near = nearest(word, ACTIONS.iter().map(|(name, _)| *name));
            let near = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
            RequestError::UnknownAction(word.to_owned(), near)
        })?,
    };
    let takes_file = matches!(action, DatabaseAction::Dump | DatabaseAction::Restore);
    let file = if takes_file { rest.next() } else { None };
    match rest.next() {
        Some(word) => Err(RequestError::TooMany(word.to_owned())),
        None if action == DatabaseAction::Restore && file.is_none() => Err(RequestError::NoFile),
        None => Ok(DatabaseRequest { name, action, file }),
    }
}

/// The action that somebody may have meant by the name of a part.
#[must_use]
pub fn meant(name: &str) -> Option<&'static str> {
    nearest(name, ACTIONS.iter().map(|(name, _)| *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> String {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match parse(&words) {
            Ok(DatabaseRequest { name, action, file }) => format!("{name:?} {action:?} {file:?}").replace("None", "-"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_name_may_be_left_out_and_may_be_the_word_of_an_action() {
        assert_eq!(read(""), "- List -");
        assert_eq!(read("db"), "Some(\"db\") List -");
        assert_eq!(read("console"), "- Console -");
        assert_eq!(read("db console"), "Some(\"db\") Console -");
        assert_eq!(read("dump dump x.sql.gz"), "Some(\"dump\") Dump Some(\"x.sql.gz\")");
        assert_eq!(read("restore x"), "- Restore Some(\"x\")");
    }

    #[test]
    fn what_cannot_be_done_is_told_with_what_was_meant() {
        let unknown = "`consol` is not a database action: did you mean `console`?";
        assert_eq!(read("db consol"), unknown);
        assert_eq!(read("db reset now"), "unexpected argument `now`");
        assert_eq!(read("db restore"), "`restore` needs the file to read");
        assert_eq!(meant("web"), None);
        assert_eq!(meant("resotre"), Some("restore"));
    }
}
