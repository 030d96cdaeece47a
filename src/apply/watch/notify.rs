//! Tells somebody, in every way that is named.

use std::collections::BTreeMap;

use crate::config::model::file::Notify;
use crate::error::Error;
use crate::host::engine::Engine;
use crate::host::notify::{desktop, webhook};
use crate::names::PartName;
use crate::plan::watch::notify::News;

/// Tells it, and returns what went wrong with that.
pub(crate) async fn tell(
    engine: &Engine,
    notify: &Notify,
    containers: &BTreeMap<PartName, String>,
    news: &News,
) -> Vec<Error> {
    let on_desktop = async { if notify.desktop { desktop(news).await } else { Ok(()) } };
    let by_webhook = async {
        match &notify.webhook {
            Some(address) => webhook(address, news).await,
            None => Ok(()),
        }
    };
    let by_command = async {
        let Some(command) = &notify.command else { return Ok(()) };
        let Some(container) = containers.get(&command.part) else { return Ok(()) };
        let result = serde_json::to_value(news.result).unwrap_or_default();
        let result = result.as_str().unwrap_or_default().to_owned();
        let script = format!(
            "export DEVENV_MODULE=\"$1\" DEVENV_STEP=\"$2\" DEVENV_RESULT=\"$3\" DEVENV_TEXT=\"$4\"\nshift 4\n{}",
            command.run
        );
        let step = news.step.map(|step| step.to_string()).unwrap_or_default();
        let args = [news.module.to_string(), step, result, news.text.clone()];
        let mut last = String::new();
        let code = engine.step(container, &script, &args, |_| {}, |line| line.clone_into(&mut last)).await?;
        if code == 0 {
            return Ok(());
        }
        let message = format!("the command of `notify` ended with code {code}: {last}");
        Err(Error::message(crate::error::Kind::Failed, message))
    };
    let (one, two, three) = tokio::join!(on_desktop, by_webhook, by_command);
    [one, two, three].into_iter().filter_map(Result::err).collect()
}
