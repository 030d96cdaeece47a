//! A Procfile: each of its processes is a module of the same source.

use serde_json::json;

use crate::config::is_reserved;
use crate::config::text::place::Place;
use crate::names::PartName;
use crate::plan::adopt::adoption::{Adoption, Keys, Note};
use crate::plan::adopt::values;
use crate::plan::detect::Starter;

/// The port that a process is given, where it asks for one.
const PORT: u16 = 8000;

/// What the process that platforms run before the others is called here, since `release` is something else.
const RELEASE: (&str, &str) = ("release", "migrate");

/// A process of a Procfile.
struct Process {
    name: String,
    run: String,
    is_release: bool,
}

/// Converts a Procfile; `starter` says how the source is installed.
#[must_use]
pub fn adopt(file: &str, text: &str, starter: Option<&Starter>) -> Adoption {
    let mut done = Adoption::default();
    let mut processes: Vec<Process> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match process(line).filter(|process| processes.iter().all(|other| other.name != process.name)) {
            Some(process) => processes.push(process),
            None => {
                let place = Place { file: file.to_owned(), line: number + 1, column: 1, bytes: 0..0 };
                let why = "a line is `NAME: COMMAND`, each name once".to_owned();
                done.notes.push(Note { place: Some(place), subject: line.to_owned(), why });
            }
        }
    }
    let release = processes.iter().find(|process| process.is_release).map(|process| process.name.clone());
    for process in &processes {
        let mut keys = begun(starter, &process.run);
        let asks = process.run.contains("PORT");
        let port = if asks { Some(PORT) } else { starter.and_then(|starter| starter.port) };
        if let Some(port) = port.filter(|_| process.name == "web") {
            keys.insert("port".to_owned(), json!(port));
            keys.insert("route".to_owned(), json!("/"));
        }
        if process.is_release {
            keys.insert("once".to_owned(), json!(true));
        } else if let Some(release) = &release {
            keys.insert("needs".to_owned(), json!([release]));
        }
        if asks {
            keys.insert("env".to_owned(), json!({"PORT": PORT.to_string()}));
        }
        let what = if process.is_release { "a task that runs first" } else { "a module" };
        done.parts.push(format!("{}: {what}, `{}`", process.name, process.run));
        done.modules.insert(process.name.clone(), keys.into());
    }
    done
}

fn process(line: &str) -> Option<Process> {
    let (name, run) = line.split_once(':')?;
    let (name, run) = (name.trim().to_lowercase().replace('_', "-"), run.trim().to_owned());
    let is_release = name == RELEASE.0;
    let name = if is_release { RELEASE.1.to_owned() } else { name };
    let is_name = PartName::new(name.as_str()).is_ok() && !is_reserved(&name);
    (is_name && !run.is_empty()).then_some(Process { name, run, is_release })
}

fn begun(starter: Option<&Starter>, run: &str) -> Keys {
    let mut keys = Keys::from_iter([("path".to_owned(), json!("."))]);
    keys.insert("image".to_owned(), json!(starter.map_or("base", |starter| starter.image)));
    if let Some((lock, install)) = starter.and_then(|starter| starter.deps.as_ref()) {
        keys.insert("deps".to_owned(), json!({"lock": [lock], "install": values::command(install)}));
    }
    keys.insert("run".to_owned(), json!(values::command(run)));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::ProjectName;
    use crate::render::adopt::configuration;

    #[test]
    fn each_process_is_a_module_and_the_release_runs_first() {
        let text = "# x\nweb: gunicorn app:app -b 0.0.0.0:$PORT\nwork_er: python work.py\nrelease: python migrate.py\nnonsense\n";
        let starter = Starter {
            image: "python",
            deps: Some(("requirements.txt", "pip install -r requirements.txt".to_owned())),
            ..Starter::default()
        };
        let done = adopt("Procfile", text, Some(&starter));
        let text = configuration(&ProjectName::new("shop").unwrap(), &done, "Procfile");
        let deps = "deps: {lock: [requirements.txt], install: pip install -r requirements.txt}";
        assert_eq!(
            text.split_once("\n\n").unwrap().1,
            format!(
                "modules:\n  web:\n    path: \".\"\n    image: python\n    {deps}\n    run: gunicorn app:app -b 0.0.0.0:$$PORT\n    \
                 port: 8000\n    route: /\n    needs: [migrate]\n    env:\n      PORT: \"8000\"\n  \
                 work-er:\n    path: \".\"\n    image: python\n    {deps}\n    run: python work.py\n    needs: [migrate]\n  \
                 migrate:\n    path: \".\"\n    image: python\n    {deps}\n    run: python migrate.py\n    once: true\n"
            )
        );
        assert_eq!(done.notes.len(), 1, "{:?}", done.notes);
    }
}
