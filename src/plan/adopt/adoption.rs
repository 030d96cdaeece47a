//! What a conversion decides from, and what becomes of a product.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::config::compose_project::project::ComposeProject;
use crate::config::text::place::Place;
use crate::plan::catalogue::Catalogue;
use crate::plan::source_tree::SourceTree;

/// Keys in the order in which they are written.
pub type Keys = Map<String, Json>;

/// What the facts are that a conversion decides from.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The product as compose files describe it.
    pub compose: &'a ComposeProject,
    /// The files of the folder.
    pub tree: &'a SourceTree,
    /// Images and presets that there are.
    pub catalogue: &'a Catalogue,
    /// Variables of `.env`, where git ignores it: their values are not for everybody.
    pub private: &'a BTreeMap<String, String>,
}

/// What a product becomes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Adoption {
    /// `images` of devenv.yaml.
    pub images: Keys,
    /// `modules` of devenv.yaml.
    pub modules: Keys,
    /// `services` of devenv.yaml.
    pub services: Keys,
    /// A compose file with settings that devenv.yaml cannot express.
    pub fragment: Keys,
    /// Secrets of this developer, by `PART.NAME`.
    pub secrets: BTreeMap<String, String>,
    /// What became of each service, in a sentence.
    pub parts: Vec<String>,
    /// What was not carried, and what is different now.
    pub notes: Vec<Note>,
}

/// Something that was not carried, or that is different now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where it stands.
    pub place: Option<Place>,
    /// The key, such as `web.restart`.
    pub subject: String,
    /// Why.
    pub why: String,
}

/// Notes as lines: those with one reason are one.
#[must_use]
pub fn lines(notes: &[Note]) -> Vec<String> {
    let mut grouped: Vec<(&Note, Vec<&str>)> = Vec::new();
    for note in notes {
        match grouped.iter_mut().find(|(first, _)| first.why == note.why) {
            Some((_, subjects)) if subjects.contains(&note.subject.as_str()) => {}
            Some((_, subjects)) => subjects.push(&note.subject),
            None => grouped.push((note, vec![&note.subject])),
        }
    }
    let line = |(note, subjects): (&Note, Vec<&str>)| {
        let place = note.place.as_ref().map(|place| format!("{place} ")).unwrap_or_default();
        format!("{place}{}: {}", subjects.join(", "), note.why)
    };
    grouped.into_iter().map(line).collect()
}

/// A text, without more, as JSON.
pub(crate) fn json(text: impl Into<String>) -> Json {
    Json::String(text.into())
}
