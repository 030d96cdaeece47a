//! Whether the end of a step is reported: only if its result differs from the one before, however often it runs and
//! whichever watcher ran meanwhile.

use serde::Serialize;

use crate::amounts;
use crate::config::model::file::Notify;
use crate::config::model::occasions::Occasion;
use crate::names::PartName;
use crate::plan::watch::loop_step::LoopStep;
use crate::plan::watch::state::{Run, StepOutcome};

/// A notification; the webhook gets it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct News {
    /// The product.
    pub project: String,
    /// The module.
    pub module: PartName,
    /// The step, where it is the result of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<LoopStep>,
    /// `failed`, `fixed`, `died` or `error`.
    pub result: Occasion,
    /// The exit code.
    pub code: i64,
    /// How long it took, in milliseconds.
    pub took: u64,
    /// The last lines that it printed.
    pub lines: Vec<String>,
    /// All this in a line.
    pub text: String,
}

/// What there is to tell of a run of `step`, after `before`.
#[must_use]
pub fn decide(
    notify: &Notify,
    project: &str,
    (module, step): (&PartName, LoopStep),
    before: Option<StepOutcome>,
    run: &Run,
) -> Option<News> {
    let result = match (before, run.result) {
        (None | Some(StepOutcome::Good), StepOutcome::Failed) => Occasion::Failed,
        (Some(StepOutcome::Failed), StepOutcome::Good) => Occasion::Fixed,
        _ => return None,
    };
    if !notify.on.0.iter().any(|on| *on == result || *on == Occasion::Any) {
        return None;
    }
    let took = amounts::milliseconds(run.took);
    let text = match result {
        Occasion::Failed => format!("{project}: {step} of {module} failed (code {}) in {took}", run.code),
        Occasion::Fixed | Occasion::Any | Occasion::Died | Occasion::Error => {
            format!("{project}: {step} of {module} passes again, in {took}")
        }
    };
    let (project, module, lines) = (project.to_owned(), module.clone(), run.lines.clone());
    Some(News { project, module, step: Some(step), result, code: run.code, took: run.took, lines, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::occasions::Occasions;

    /// The results of a step one after the other, as what is reported: `-` for nothing.
    fn told(on: &[Occasion], results: &str) -> String {
        let notify = Notify { on: Occasions(on.to_vec()), ..Notify::default() };
        let mut before = None;
        let tell = |result: char| {
            let result = if result == 'F' { StepOutcome::Failed } else { StepOutcome::Good };
            let code = if result == StepOutcome::Good { 0 } else { 2 };
            let run = Run::new("c1", code, (0, std::time::Duration::from_millis(1_500)), Vec::new());
            let news =
                decide(&notify, "shop", (&PartName::new("api").unwrap(), LoopStep::Test), before.replace(result), &run);
            news.map_or("-", |news| if news.result == Occasion::Failed { "failed" } else { "fixed" })
        };
        results.chars().map(tell).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn nobody_is_told_the_same_twice() {
        assert_eq!(told(&[Occasion::Any], "GFFGGFG"), "- failed - fixed - failed fixed");
        assert_eq!(told(&[Occasion::Failed], "FFGF"), "failed - - failed");
        assert_eq!(told(&[Occasion::Fixed], "FFGF"), "- - fixed -");
        assert_eq!(told(&[Occasion::Failed, Occasion::Fixed], "FG"), "failed fixed");
        assert_eq!(told(&[], "FG"), "- -");
    }

    #[test]
    fn the_text_says_what_failed_how_and_when() {
        let run = Run::new("c1", 2, (0, std::time::Duration::from_millis(1_500)), vec!["last".to_owned()]);
        let api = PartName::new("api").unwrap();
        let news = decide(&Notify::default(), "shop", (&api, LoopStep::Build), None, &run).unwrap();
        assert_eq!(news.text, "shop: build of api failed (code 2) in 1.5 s");
        assert_eq!(serde_json::to_value(&news).unwrap()["result"], "failed");
    }
}
