//! Texts of the configuration that have a grammar but stay texts: each says why a text is refused.
//!
//! A grammar is named by the JSON Schema's `format`, so that the schema, the check and the reference page agree.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::model::image;
use crate::config::model::signer;
use crate::config::model::snapshot;
use crate::config::model::task_texts;
use crate::config::model::values::{Duration, RelPath, Route};
use crate::config::model::version;
use crate::config::schema::{addresses, container_words as words, names, patterns};
use crate::names::{NAME_PATTERN, TASK_PATTERN};

/// What texts of one kind look like.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// The JSON Schema's `format`.
    pub format: &'static str,
    /// Pattern for editors and for keys; rougher than `check`.
    pub pattern: &'static str,
    /// One of them in a sentence, such as `a name`.
    pub one: &'static str,
    /// Many of them in a sentence, such as `names`.
    pub many: &'static str,
    /// Says why a text is not one.
    pub check: fn(&str) -> Result<(), String>,
}

/// Grammars that have a type of their own elsewhere.
static TYPED: [Grammar; 6] = [
    Grammar { format: "name", pattern: NAME_PATTERN, one: "a name", many: "names", check: names::name },
    Grammar {
        format: "task",
        pattern: TASK_PATTERN,
        one: "a task",
        many: "names of tasks",
        check: task_texts::check_name,
    },
    Grammar { format: "path", pattern: ".", one: "a path", many: "paths", check: |text| RelPath::new(text).map(drop) },
    Grammar {
        format: "duration",
        pattern: "^[0-9]+(ms|s|m|h)$",
        one: "a duration such as 30s",
        many: "lengths of time",
        check: |text| Duration::parse(text).map(drop),
    },
    Grammar {
        format: snapshot::FORMAT,
        pattern: snapshot::PATTERN,
        one: "an address such as https://archive.example.com/{date}/debian",
        many: "addresses",
        check: snapshot::check,
    },
    Grammar {
        format: "route",
        pattern: "^/",
        one: "a path such as /api",
        many: "paths",
        check: |text| Route::path_of(text).map(drop),
    },
];

/// The grammar that the schema calls `format`.
pub(crate) fn by_format(format: &str) -> Option<&'static Grammar> {
    TYPED.iter().chain(TEXTS).find(|grammar| grammar.format == format)
}

/// The grammar of keys that match `pattern`.
pub(crate) fn by_pattern(pattern: &str) -> Option<&'static Grammar> {
    TYPED.iter().chain(TEXTS).find(|grammar| grammar.pattern == pattern)
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $format:literal, $pattern:literal, $one:literal, $many:literal, $check:expr;)*) => {
        static TEXTS: &[Grammar] = &[$(Grammar {
            format: $format, pattern: $pattern, one: $one, many: $many, check: $check,
        }),*];
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }
                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({"type": "string", "format": $format, "pattern": $pattern})
                }
            }
        )*
    };
}

texts! {
    /// A command for `sh -e -c`.
    Shell: "shell", "[^ ]", "a shell command", "shell commands", shell;
    /// A variable's name.
    Variable: "variable", "^[A-Za-z_][A-Za-z0-9_]*$", "a variable's name", "variables' names", names::variable;
    /// A variable's name in a container, which may be one that no shell could set, such as `discovery.type`.
    EnvName: "environment-variable", "^[A-Za-z_][A-Za-z0-9_.-]*$", "a variable's name", "variables' names", names::env_name;
    /// What a database or a user of one is called.
    AccountName: "account", "^[A-Za-z_][A-Za-z0-9_-]*$", "a name such as shop_app", "names", names::account;
    /// A package of the operating system.
    Package: "package", "^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=.+)?$", "a package", "packages", names::package;
    /// A pattern as in `.gitignore`.
    Pattern: "gitignore", "^[^ ]", "a pattern", "patterns", patterns::pattern;
    /// The name of an image in a registry.
    ImageReference: "image", "^[^ ]+$", "an image such as redis:7", "images", image::check;
    /// A stage of a Dockerfile, by name or number.
    Stage: "stage", "^[A-Za-z0-9][A-Za-z0-9_.-]*$", "a stage's name", "stages' names", image::check_stage;
    /// A place in a registry, without tag.
    Registry: "registry", "^[^ @]+$", "a place such as registry.example.com/shop", "registries", image::check_registry;
    /// A public key, or where it is.
    PublicKey: "public-key", "^[^ ]", "a public key or the path of one", "public keys", signer::check;
    /// The address of something outside.
    Url: "address", "^[a-z][a-z0-9+.-]*://", "an address such as https://example.com", "addresses", addresses::url;
    /// Which versions of devenv a file works with.
    Versions: "versions", "^(>=|<=|>|<|=)", "versions such as \">=0.3\"", "versions", |text| version::parse(text).map(drop);
    /// A full host name.
    HostName: "host-name", "^[a-z0-9-]+(\\.[a-z0-9-]+)+$", "a host name such as dev.acme.internal", "host names", addresses::host_name;
    /// What is asked of an HTTP server.
    RequestPath: "request", "^/[^ ]*$", "a path such as /healthz", "paths", addresses::request;
    /// A folder or file in a container.
    ContainerPath: "container-path", "^(/|~/|[^/~])", "a path in the container", "paths in the container", words::container_path;
    /// Where a volume is mounted.
    VolumePath: "volume-path", "^/.", "an absolute path", "absolute paths", words::volume_path;
    /// What a secret is called where it is kept.
    SecretReference: "secret-reference", "^[A-Za-z0-9][A-Za-z0-9_.-]*$", "the name of a secret", "names of secrets", names::secret_reference;
    /// An amount of memory.
    Memory: "memory", "^[0-9]+[bkmg]$", "an amount of memory such as 512m", "amounts of memory", words::memory;
    /// A folder in memory, with options behind `:`.
    MemoryFolder: "memory-folder", "^/.", "a folder such as /cache:size=64m", "folders such as /cache:size=64m", words::memory_folder;
    /// A limit of the kernel.
    LimitName: "limit", "^[a-z]+$", "a limit such as nofile", "limits such as nofile", words::limit;
    /// A setting of the kernel.
    SysctlName: "sysctl", "^[a-z0-9_.-]+$", "a setting of the kernel such as net.core.somaxconn", "settings of the kernel", words::sysctl;
    /// A signal.
    Signal: "signal", "^SIG[A-Z0-9]+$", "a signal such as SIGINT", "signals", words::signal;
    /// A host name, of one label or several.
    HostLabel: "host", "^[a-z0-9-]+(\\.[a-z0-9-]+)*$", "a host name", "host names", words::host_label;
    /// The address of a host.
    HostAddress: "host-address", "^[0-9a-f.:]+$|^host-gateway$", "an address such as 10.0.0.1", "addresses", words::host_address;
    /// A label's name.
    LabelName: "label", "^[^ =]+$", "a label's name", "labels' names", words::label_name;
    /// A capability of Linux, without `CAP_`.
    Capability: "capability", "^[A-Z][A-Z_]*$", "a capability such as NET_BIND_SERVICE", "capabilities such as NET_BIND_SERVICE", words::capability;
    /// An engine context.
    ContextName: "context", "^[A-Za-z0-9][A-Za-z0-9_.+-]*$", "the name of an engine context", "names of engine contexts", names::context;
    /// What a task leaves, below its folder.
    Artifact: "artifact", "^[^/~ ]", "a pattern such as dist/*.whl", "patterns such as dist/*.whl", task_texts::check_artifact;
    /// A file that a task writes, below its folder.
    ResultFile: "result-file", "^[^/~ ][^ ]*$", "a path below the task's folder", "paths below the task's folder", task_texts::check_result;
    /// For how long a result counts.
    Lifetime: "lifetime", "^[0-9]+[mhd]$", "a lifetime such as 30d", "lifetimes", task_texts::check_lifetime;
    /// What `devenv ci` runs.
    CiEntry: "ci-entry", "^(\\*:[a-z]+|[a-z][a-z0-9:-]*)$", "the name of a task, `*:STEP` or `check`", "names of tasks", task_texts::check_ci_entry;
    /// Which credential: `PART.KEY`.
    SecretName: "secret", "^[a-z][a-z0-9-]*\\.[A-Za-z0-9_.-]+$", "a credential such as db.password", "credentials", names::secret;
}

/// A text, or a number or boolean that stands for the text as it was written.
pub(crate) struct AnyText;

impl JsonSchema for AnyText {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "AnyText".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

fn shell(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("a command must not be empty".to_owned()) } else { Ok(()) }
}
