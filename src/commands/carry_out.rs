//! Carries out a plan while its progress is shown.

use std::time::Duration;

use crate::apply::executor::failure::StepFailure;
use crate::apply::session::{Options, Session};
use crate::plan::Plan;
use crate::ui::progress::Progress;
use crate::ui::screen::Screen;

/// Carries out a plan, shows it, and returns how long it took.
pub async fn carry_out(
    screen: Screen,
    session: &Session,
    plan: &Plan,
    options: Options,
) -> Result<Duration, StepFailure> {
    let progress = Progress::new(screen, plan);
    let report = |event| progress.show(event);
    let (ended, moved) = session.carry_out(plan, options, &report).await;
    let took = progress.finish();
    moved?.iter().for_each(|line| screen.say(line));
    ended.map(|()| took)
}
