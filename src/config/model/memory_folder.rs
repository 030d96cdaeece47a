//! A folder in memory, as the compose specification writes one: `/cache:size=64m,mode=0700`.

/// The folder and its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryFolder<'a> {
    /// Where it is.
    pub path: &'a str,
    /// What follows `:`, where there is one.
    pub options: Option<&'a str>,
}

impl<'a> MemoryFolder<'a> {
    /// Takes a text apart.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let (path, options) = text.split_once(':').map_or((text, None), |(path, options)| (path, Some(options)));
        Self { path, options }
    }

    /// Each option.
    pub fn options(self) -> impl Iterator<Item = &'a str> {
        self.options.into_iter().flat_map(|all| all.split(',')).filter(|option| !option.is_empty())
    }
    /// The same with an owner, where it names none.
    #[must_use]
    pub fn of_owner(self, uid: u32, gid: u32) -> String {
        let owner = [("uid=", uid), ("gid=", gid)];
        let missing = owner.into_iter().filter(|(key, _)| !self.options().any(|option| option.starts_with(key)));
        let missing = missing.map(|(key, id)| format!("{key}{id}"));
        let options: Vec<String> = self.options().map(str::to_owned).chain(missing).collect();
        format!("{}:{}", self.path, options.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner() {
        let owned = |text| MemoryFolder::of(text).of_owner(1000, 100);
        assert_eq!(owned("/cache"), "/cache:uid=1000,gid=100");
        assert_eq!(owned("/cache:size=64m,uid=7"), "/cache:size=64m,uid=7,gid=100");
    }
}
