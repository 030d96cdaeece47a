//! What the team's own compose files add: services that devenv does not know.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::config::model::container::Protocol;
use crate::error::{Error, Kind};
use crate::names::PartName;
use crate::plan::environment::lifecycle::{Condition, End};
use crate::plan::parts::{Environment, ImageRef, Part, PartKind, Publish};

fn services(merged: &Value) -> impl Iterator<Item = (&String, &Value)> {
    merged.get("services").and_then(Value::as_object).into_iter().flatten()
}

/// Why a fragment's service cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// Its name is not a host name.
    #[error("the name of service `{0}` in a fragment: {1}")]
    Name(String, String),
    /// It says no image.
    #[error("service `{0}` is defined only in a fragment and names no image")]
    NoImage(String),
    /// It waits for the end of what runs on.
    #[error("`{0}` waits in a fragment for the end of `{1}`, which keeps running")]
    NeverEnds(PartName, PartName),
}

impl From<FragmentError> for Error {
    fn from(problem: FragmentError) -> Self {
        let hint = match &problem {
            FragmentError::NeverEnds(..) => {
                Some("`once: true` makes a module a task; `service_healthy` waits until it is ready")
            }
            FragmentError::Name(..) | FragmentError::NoImage(_) => None,
        };
        let error = Self::new(Kind::Usage, problem);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// The environment of the configuration with the services that only the team's compose files have, and with what these say
/// about how each part lives.
pub fn merged(mut environment: Environment, merged: &Value) -> Result<Environment, FragmentError> {
    let mut ours: BTreeSet<PartName> = BTreeSet::new();
    for (name, service) in services(merged) {
        let part =
            PartName::new(name.as_str()).map_err(|error| FragmentError::Name(name.clone(), error.to_string()))?;
        if environment.parts.contains_key(&part) {
            ours.insert(part);
            continue;
        }
        let image = service.get("image").and_then(Value::as_str);
        let image = image.ok_or_else(|| FragmentError::NoImage(name.clone()))?;
        let kind = if is_awaited(merged, name, &[COMPLETED]) { PartKind::Task } else { PartKind::Service };
        environment.parts.insert(part.clone(), foreign(part, kind, image, service));
    }
    let all = services(merged).filter_map(|(name, service)| Some((PartName::new(name.as_str()).ok()?, service)));
    for (name, service) in all {
        let asked = conditions(service, &environment);
        let probed = |need: &PartName| environment.parts.get(need).is_some_and(|part| part.probe.is_some());
        let asked: Vec<(PartName, Condition)> = match environment.parts.get(&name) {
            // What our own file says of a part without a probe: it is waited for until it runs steadily.
            Some(part) if ours.contains(&name) => {
                let is_own = |need: &PartName| part.needs.contains(need) && !probed(need);
                let kept = |(need, condition)| if is_own(&need) { (need, Condition::Ready) } else { (need, condition) };
                asked.into_iter().map(kept).collect()
            }
            _ => asked,
        };
        for (need, condition) in &asked {
            let is_task = environment.parts.get(need).is_some_and(|part| part.kind == PartKind::Task);
            if *condition == Condition::Completed && !is_task {
                return Err(FragmentError::NeverEnds(name, need.clone()));
            }
        }
        let end = if is_done_at_its_end(merged, &name, service) { End::Done } else { End::Open };
        let Some(part) = environment.parts.get_mut(&name) else { continue };
        part.lifecycle.replicas = replicas(service);
        let disabled = |check: &Value| check.get("disable").and_then(Value::as_bool) == Some(true);
        part.lifecycle.has_check = service.get("healthcheck").is_some_and(|check| !disabled(check));
        if !ours.contains(&name) {
            part.lifecycle.end = end;
        }
        for (need, condition) in asked {
            if !part.needs.contains(&need) {
                part.needs.push(need.clone());
            }
            part.lifecycle.conditions.insert(need, condition);
        }
    }
    environment.parts.retain(|_, part| part.lifecycle.replicas > 0);
    Ok(environment)
}

const COMPLETED: &str = "service_completed_successfully";

/// What a service waits for, among the parts that there are.
fn conditions(service: &Value, environment: &Environment) -> Vec<(PartName, Condition)> {
    let needs = service.get("depends_on").and_then(Value::as_object).into_iter().flatten();
    let condition = |need: &Value| match need.get("condition").and_then(Value::as_str) {
        Some("service_started") => Condition::Started,
        Some(COMPLETED) => Condition::Completed,
        _ => Condition::Ready,
    };
    let all = needs.filter_map(|(name, need)| Some((PartName::new(name.as_str()).ok()?, condition(need))));
    all.filter(|(name, _)| environment.parts.contains_key(name)).collect()
}

/// Whether another service waits for this one in one of these ways.
fn is_awaited(merged: &Value, name: &str, ways: &[&str]) -> bool {
    let condition = |service: &Value| {
        let way = service.get("depends_on")?.get(name)?.get("condition")?.as_str()?;
        Some(ways.contains(&way))
    };
    services(merged).any(|(_, service)| condition(service) == Some(true))
}

/// Whether a service that ends with code 0 has done what it was for: it says that it is not started again, and neither
/// answers anybody nor is awaited as something that runs.
fn is_done_at_its_end(merged: &Value, name: &PartName, service: &Value) -> bool {
    let restart = service.get("restart").and_then(Value::as_str).unwrap_or_default();
    let policy = service.get("deploy").and_then(|deploy| deploy.get("restart_policy")?.get("condition")?.as_str());
    let ends = restart == "no" || restart.starts_with("on-failure") || matches!(policy, Some("none" | "on-failure"));
    let has = |key: &str| service.get(key).is_some_and(|value| value.as_array().is_none_or(|items| !items.is_empty()));
    let runs_on = has("ports") || has("healthcheck");
    ends && !runs_on && !is_awaited(merged, name.as_str(), &["service_started", "service_healthy"])
}

/// How many containers a service has.
fn replicas(service: &Value) -> usize {
    let deploy = service.get("deploy").and_then(|deploy| deploy.get("replicas"));
    let count = service.get("scale").or(deploy).and_then(Value::as_u64);
    count.and_then(|count| usize::try_from(count).ok()).unwrap_or(1)
}

/// A service of a fragment, as far as devenv must know it.
fn foreign(name: PartName, kind: PartKind, image: &str, service: &Value) -> Part {
    let number = |value: Option<&Value>| match value? {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64().and_then(|number| u16::try_from(number).ok()),
    };
    let ports = service.get("ports").and_then(Value::as_array).into_iter().flatten();
    let publish = ports.filter_map(|port| {
        let protocol = match port.get("protocol").and_then(Value::as_str) {
            Some("udp") => Protocol::Udp,
            _ => Protocol::Tcp,
        };
        Some(Publish { host: number(port.get("published"))?, container: number(port.get("target"))?, protocol })
    });
    Part { publish: publish.collect(), ..Part::new(name, kind, ImageRef::Theirs(image.to_owned())) }
}
