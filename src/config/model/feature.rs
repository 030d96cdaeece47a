//! What `devenv.yaml` says about a feature gate: who owns it, where it is on, and until when it should exist.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::names::{EnvironmentName, NAME_PATTERN};

/// The keys of a feature that are not environments.
pub(crate) const FEATURE_KEYS: [&str; 2] = ["owner", "until"];

/// A feature gate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Feature {
    /// Who answers for it.
    pub owner: Option<String>,
    /// Day after which it should be gone.
    pub until: Option<Day>,
    /// Whether it is on, by environment.
    pub states: BTreeMap<EnvironmentName, Switch>,
}

impl Feature {
    /// Its state in an environment: `layers` are its name and those that it is like, the nearest first.
    #[must_use]
    pub fn state_in(&self, layers: &[String]) -> Switch {
        layers.iter().find_map(|layer| self.states.get(layer.as_str())).copied().unwrap_or_default()
    }
}

/// Whether a feature is on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is on.
    On,
    /// It is off, also where nothing is said.
    #[default]
    Off,
}

impl Switch {
    /// `on` and `off`; `true` and `false` mean the same.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "on" | "true" => Some(Self::On),
            "off" | "false" => Some(Self::Off),
            _ => None,
        }
    }
}

impl std::fmt::Display for Switch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

/// A day of the calendar, such as `2027-03-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(time::Date);

impl Day {
    /// Parses `YEAR-MONTH-DAY`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{} is not a date: write it as 2027-03-01", crate::config::text::quote::quoted(text));
        let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let numbers: Vec<u16> = text.split('-').filter_map(|number| number.parse().ok()).collect();
        let ([year, month, day], true) = (numbers.as_slice(), is_plain) else { return Err(wrong()) };
        let month = u8::try_from(*month).ok().and_then(|month| time::Month::try_from(month).ok());
        let date = month.zip(u8::try_from(*day).ok());
        let date = date.and_then(|(month, day)| time::Date::from_calendar_date(i32::from(*year), month, day).ok());
        date.map(Self).ok_or_else(wrong)
    }

    /// The day that has this second of Unix time, in UTC.
    #[must_use]
    pub fn of_unix(seconds: i64) -> Option<Self> {
        time::OffsetDateTime::from_unix_timestamp(seconds).ok().map(|moment| Self(moment.date()))
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = self.0.to_calendar_date();
        write!(f, "{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

impl TryFrom<BTreeMap<String, String>> for Feature {
    type Error = String;
    fn try_from(map: BTreeMap<String, String>) -> Result<Self, String> {
        let mut feature = Self::default();
        for (key, value) in map {
            match key.as_str() {
                "owner" => feature.owner = Some(value),
                "until" => feature.until = Some(Day::parse(&value)?),
                _ => {
                    let name = EnvironmentName::new(key).map_err(|error| error.to_string())?;
                    let state = Switch::parse(&value).ok_or("a feature is `on` or `off`")?;
                    feature.states.insert(name, state);
                }
            }
        }
        Ok(feature)
    }
}

impl From<Feature> for BTreeMap<String, String> {
    fn from(feature: Feature) -> Self {
        let states = feature.states.into_iter().map(|(name, state)| (name.into(), state.to_string()));
        let owner = feature.owner.map(|owner| ("owner".to_owned(), owner));
        let until = feature.until.map(|day| ("until".to_owned(), day.to_string()));
        states.chain(owner).chain(until).collect()
    }
}

impl JsonSchema for Feature {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Feature".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": false, "patternProperties": {
            NAME_PATTERN: {"type": ["string", "number", "boolean"]}
        }})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_of_the_calendar() {
        assert_eq!(Day::parse("2028-02-29").unwrap().to_string(), "2028-02-29");
        assert!(Day::parse("2027-03-01").unwrap() > Day::parse("2027-02-28").unwrap());
        for text in ["2027-02-29", "2027-3-1", "01-03-2027", "soon", "2027-03-01x", "20270301", "----------"] {
            assert!(Day::parse(text).is_err(), "{text}");
        }
        assert_eq!(Day::of_unix(0).unwrap().to_string(), "1970-01-01");
    }
}
