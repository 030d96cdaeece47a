//! The plan that takes installed dependencies away, so that `up` installs them again.

use crate::plan::cause::Cause;
use crate::plan::observed::{Container, Observed, Role};
use crate::plan::{Action, Plan};

/// Removes volumes, and before them every container that has one of them mounted.
#[must_use]
pub fn reset(observed: &Observed, volumes: &[&str]) -> Plan {
    let mut plan = Plan::default();
    let users = observed.containers.iter().filter(|one| has_one(one, volumes));
    let removed: Vec<_> = users
        .map(|one| plan.push(Action::Remove { id: one.id.clone(), name: one.part.clone() }, None, Vec::new()))
        .collect();
    for volume in volumes.iter().filter(|volume| observed.volumes.contains_key(**volume)) {
        let cause = Cause::AskedFor("deps reset".to_owned());
        plan.push(Action::DeleteVolume((*volume).to_owned()), cause, removed.clone());
    }
    plan
}

/// The parts that run with one of the volumes, so that they run again afterwards.
#[must_use]
pub fn users(observed: &Observed, volumes: &[&str]) -> Vec<String> {
    let is_user = |one: &&Container| one.role == Role::Part && one.state.is_alive() && has_one(one, volumes);
    observed.containers.iter().filter(is_user).map(|one| one.part.clone()).collect()
}

fn has_one(container: &Container, volumes: &[&str]) -> bool {
    container.volumes.iter().any(|name| volumes.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::observed::samples::container;
    use crate::plan::observed::{ContainerState, Volume};

    #[test]
    fn whoever_has_the_volume_goes_before_it_and_comes_back() {
        let with =
            |part: &str, state| Container { volumes: vec!["shop-deps-api".to_owned()], ..container(part, state) };
        let containers = vec![
            with("api", ContainerState::Running),
            with("migrate", ContainerState::Exited(0)),
            container("web", ContainerState::Running),
        ];
        let mut observed = Observed { containers, ..Observed::default() };
        let all = ["shop-deps-api", "shop-deps-api-tools"];
        assert_eq!(reset(&observed, &all).to_string(), "1 remove api\n2 remove migrate\n");
        assert_eq!(users(&observed, &all), ["api"]);
        observed.containers.clear();
        assert!(reset(&observed, &all).is_empty());
    }

    #[test]
    fn each_folder_of_dependencies_goes() {
        let volume = |name: &str| Volume {
            name: name.to_owned(),
            checkout: None,
            path: String::new(),
            class: "deps".to_owned(),
            major: None,
            project: None,
        };
        let seen = |name: &str| (name.to_owned(), volume(name));
        let observed = Observed { volumes: ["a", "b", "c"].map(seen).into(), ..Observed::default() };
        let plan = reset(&observed, &["a", "b"]);
        let deleted = plan.steps.iter().map(|step| step.action.to_string()).collect::<Vec<_>>();
        assert_eq!(deleted.len(), 2, "{plan}");
        assert!(!deleted.concat().contains("`c`") && !deleted.concat().ends_with(" c"), "{plan}");
    }
}
