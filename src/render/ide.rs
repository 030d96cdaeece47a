//! What editors need to attach to a running module: a `devcontainer.json` that points at devenv's own compose files, so
//! that the editor finds devenv's container and makes none of its own. Pure.

use serde_json::{Value, json};

use crate::assets::Assets;
use crate::plan::parts::Part;
use crate::render::{Access, Generated, MARKER, RenderError, render_asset};

/// The folder at the checkout's root that editors look into.
pub const FOLDER: &str = ".devcontainer";
/// The name of the file in a module's folder below [`FOLDER`].
pub const FILE: &str = "devcontainer.json";

const TEMPLATE: &str = "templates/ide/devcontainer.json";

/// A module as an editor sees it.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// The module.
    pub part: &'a Part,
    /// Host name of the environment, which tells checkouts apart.
    pub host: &'a str,
    /// The image that knows the module's language.
    pub language: &'a str,
    /// The compose files in their order, relative to the checkout's root.
    pub compose: &'a [String],
}

/// The files of one module, their paths relative to the checkout's root: the configuration, and what keeps it out of git,
/// because it names this machine's user and files that every checkout makes for itself.
pub fn files(desk: &Desk<'_>, assets: &Assets) -> Result<[Generated; 2], RenderError> {
    let part = desk.part;
    let compose: Vec<String> = desk.compose.iter().map(|file| format!("../../{file}")).collect();
    let customizations = customizations(part, desk.language);
    let mut context = tera::Context::new();
    context.insert("name", &text(&format!("{} ({})", part.name, desk.host).into(), 0));
    context.insert("files", &text(&compose.into(), 1));
    context.insert("service", &text(&part.name.as_str().into(), 0));
    context.insert("folder", &text(&part.dir.as_deref().unwrap_or("/").into(), 0));
    context.insert("user", &text(&part.user.as_deref().unwrap_or("root").into(), 0));
    context.insert("customizations", &customizations.map(|value| text(&value, 1)));
    let body = render_asset(TEMPLATE, assets, &context)?;
    let folder = format!("{FOLDER}/{}", part.name);
    let public =
        |name: &str, text: String| Generated { path: format!("{folder}/{name}"), text, access: Access::Public };
    Ok([public(FILE, format!("// {MARKER}\n{body}")), public(".gitignore", format!("# {MARKER}\n*\n"))])
}

/// JSON as it stands in a file, `depth` levels in. Not the filter of the compose files: it doubles `$` for compose.
fn text(value: &Value, depth: usize) -> String {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    pretty.replace('\n', &format!("\n{}", "  ".repeat(depth)))
}

/// What makes the two editors know the language; `None` where there is nothing to say.
fn customizations(part: &Part, language: &str) -> Option<Value> {
    let (extension, backend) = match language {
        "python" => ("ms-python.python", "PyCharm"),
        "node" => ("dbaeumer.vscode-eslint", "WebStorm"),
        "go" => ("golang.go", "GoLand"),
        "rust" => ("rust-lang.rust-analyzer", "RustRover"),
        _ => return None,
    };
    let mut code = json!({"extensions": [extension]});
    let environment = part.mounts.iter().find(|mount| language == "python" && mount.target.ends_with("/.venv"));
    if let Some(mount) = environment {
        code["settings"] = json!({"python.defaultInterpreterPath": format!("{}/bin/python", mount.target)});
    }
    Some(json!({"vscode": code, "jetbrains": {"backend": backend}}))
}

/// The name of the compose project that an editor would take from the team's own `.env` in place of devenv's: it reads
/// that file before the compose files.
#[must_use]
pub fn other_project(env: &str, project: &str) -> Option<String> {
    let value = env.lines().find_map(|line| line.strip_prefix("COMPOSE_PROJECT_NAME="))?;
    let value = value.trim();
    (!value.is_empty() && value != project).then(|| value.to_owned())
}

#[cfg(test)]
#[path = "ide_tests.rs"]
mod tests;
