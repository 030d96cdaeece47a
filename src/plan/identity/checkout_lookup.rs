//! The checkout that a person means by a name. Pure.

use std::path::Path;

use crate::error::{Error, Kind};
use crate::paths::environment_of;
use crate::plan::identity::{Reservation, Table};

/// No checkout, or more than one, is called so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSelected {
    /// There is none.
    #[error("none of your checkouts is called `{0}`")]
    Unknown(String, Vec<String>),
    /// There are several.
    #[error("`{0}` is the name of {1} checkouts")]
    Ambiguous(String, usize, Vec<String>),
}

impl From<NotSelected> for Error {
    fn from(error: NotSelected) -> Self {
        let (NotSelected::Unknown(_, paths) | NotSelected::Ambiguous(_, _, paths)) = &error;
        let hint = match paths.as_slice() {
            [] => "`devenv up` in a checkout registers it".to_owned(),
            paths => format!("name one by its folder: {}", paths.join(", ")),
        };
        Self::new(Kind::Usage, error).hint(hint)
    }
}

/// The checkout that a person means: by id, folder, host name, else by the product's name.
pub fn select<'t>(table: &'t Table, name: &str) -> Result<&'t Reservation, NotSelected> {
    let paths = |held: &[&Reservation]| held.iter().map(|held| held.path.clone()).collect::<Vec<_>>();
    let exact = |held: &&Reservation| {
        let host = held.host.trim_end_matches(".localhost");
        [held.id.as_str(), &held.path, &held.host, host].contains(&name)
    };
    // A name means dev: another environment of a checkout is selected by what only it has.
    let is_dev = |held: &Reservation| environment_of(Path::new(&held.path)).is_none();
    let by_name =
        |held: &&Reservation| is_dev(held) && (held.project == name || held.path.rsplit('/').next() == Some(name));
    let all: Vec<&Reservation> = table.checkouts.iter().collect();
    let exact: Vec<&Reservation> = all.iter().copied().filter(exact).collect();
    let found = if exact.is_empty() { all.iter().copied().filter(by_name).collect() } else { exact };
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(NotSelected::Unknown(name.to_owned(), paths(&all))),
        several => Err(NotSelected::Ambiguous(name.to_owned(), several.len(), paths(several))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_checkout_is_selected_by_what_people_call_it() {
        let mut table = Table::default();
        for (path, id) in [("/home/ada/shop", "0a0a0a"), ("/home/ada/shop-review", "0b0b0b")] {
            let host = if id == "0a0a0a" { "shop.localhost" } else { "shop-review.shop.localhost" };
            table.checkouts.push(Reservation {
                id: id.to_owned(),
                path: path.to_owned(),
                project: "shop".to_owned(),
                host: host.to_owned(),
                subnet: 0,
                ports: BTreeMap::new(),
                engine: String::new(),
            });
        }
        let path = |name| select(&table, name).map(|held| held.path.as_str()).map_err(|error| error.to_string());
        assert_eq!(path("shop-review"), Ok("/home/ada/shop-review"));
        assert_eq!(path("shop-review.shop.localhost"), Ok("/home/ada/shop-review"));
        assert_eq!(path("0a0a0a"), Ok("/home/ada/shop"));
        assert_eq!(path("shop"), Ok("/home/ada/shop"), "the first checkout has the host name");
        assert_eq!(path("shpo"), Err("none of your checkouts is called `shpo`".to_owned()));
        // An environment beside dev is not a second checkout of that name, and is found by its host.
        let home = "/home/ada/shop/.devenv/environments/ci";
        let host = "ci.shop.localhost".to_owned();
        let ci = Reservation { id: "0c0c0c".to_owned(), path: home.to_owned(), host, ..table.checkouts[0].clone() };
        table.checkouts.push(ci);
        let path = |name| select(&table, name).map(|held| held.path.as_str()).map_err(|error| error.to_string());
        assert_eq!((path("shop"), path("ci.shop.localhost")), (Ok("/home/ada/shop"), Ok(home)));
        table.checkouts.pop();
        table.checkouts[0].host = "else.localhost".to_owned();
        let error = select(&table, "shop").unwrap_err();
        assert_eq!(error.to_string(), "`shop` is the name of 2 checkouts");
    }
}
