//! Keys of a container that mean the same in devenv.yaml.

use serde_json::{Value as Json, json};

use crate::amounts::Memory;
use crate::config::text::tree::{Entry, Node};
use crate::plan::adopt::adopting::Adopting;
use crate::plan::adopt::adoption::Keys;
use crate::plan::adopt::{not_carried, values, words};

/// Carries them.
pub(crate) fn carry(adopting: &mut Adopting<'_>, at: usize, keys: &mut Keys) {
    let (node, written) = (adopting.parts[at].node, adopting.parts[at].written);
    for Entry { key, value } in node.entries() {
        if !not_carried::OF_MODULES.contains(&&*key.text) || value.is_null() {
            continue;
        }
        let subject = format!("{written}.{}", key.text);
        let Some(carried) = carried(&key.text, value) else {
            adopting.note(key.span, subject, "devenv does not know this form");
            continue;
        };
        let count = carried.as_array().map(Vec::len).or(carried.as_object().map(Keys::len));
        if &*key.text == "labels" && count < Some(value.entries().len()) {
            let why = "labels of a web server have no effect here: `route` says where the gateway has a module";
            adopting.note(key.span, subject, why);
        }
        if count != Some(0) {
            keys.insert(key.text.to_string(), carried);
        }
    }
}

/// The value of a key in the words of devenv.yaml.
fn carried(key: &str, value: &Node) -> Option<Json> {
    match key {
        "cap_add" => {
            let names = value.items().iter().filter_map(Node::scalar);
            Some(names.map(|name| name.trim_start_matches("CAP_")).collect())
        }
        "stop_signal" => {
            let signal = value.scalar()?.to_ascii_uppercase();
            Some(json!(if signal.starts_with("SIG") { signal } else { format!("SIG{signal}") }))
        }
        "stop_grace_period" => {
            let seconds = words::seconds(value.scalar()?).filter(|seconds| *seconds > 0)?;
            Some(json!(format!("{seconds}s")))
        }
        "shm_size" => Memory::of(value.scalar()?).map(|Memory { number, unit }| json!(format!("{number}{unit}"))),
        "labels" => {
            let is_server = |name: &str| name.starts_with("traefik.") || name.starts_with("com.docker.compose");
            let labels = value.entries().iter().filter(|label| !is_server(&label.key.text));
            let text = |label: &Entry| json!(values::command(label.value.scalar().unwrap_or_default()));
            Some(labels.map(|label| (label.key.text.to_string(), text(label))).collect::<Keys>().into())
        }
        _ => Some(values::compose(value)),
    }
}
