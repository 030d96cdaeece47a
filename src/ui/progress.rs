//! A plan while it is carried out: a line a step; in a terminal what runs is redrawn.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::amounts;
use crate::apply::{SILENCE, StepEvent};
use crate::plan::Plan;
use crate::redact::hide;
use crate::ui::screen::{Screen, visible};

/// The view of one plan.
pub struct Progress {
    screen: Screen,
    names: Vec<String>,
    bars: Mutex<BTreeMap<usize, ProgressBar>>,
    /// What runs, where nothing is redrawn: since when, and when a line last said so.
    silent: Mutex<BTreeMap<usize, (Instant, Instant)>>,
    all: MultiProgress,
    begin: Instant,
}

impl Progress {
    /// A view that shows nothing yet.
    #[must_use]
    pub fn new(screen: Screen, plan: &Plan) -> Self {
        let names = plan.steps.iter().map(|step| match &step.cause {
            None => step.action.to_string(),
            Some(cause) => format!("{}: {cause}", step.action),
        });
        let all = MultiProgress::new();
        Self {
            screen,
            names: names.collect(),
            bars: Mutex::default(),
            silent: Mutex::default(),
            all,
            begin: Instant::now(),
        }
    }

    /// Shows an event.
    pub fn show(&self, event: StepEvent) {
        match event {
            StepEvent::Begun(at) => self.begun(at),
            StepEvent::Doing(at, text) | StepEvent::Line(at, text) => self.doing(at, &text),
            StepEvent::Note(_, text) => self.print(&format!("  {}", visible(&hide(&text)))),
            StepEvent::Done(at, took) => self.ended(at, &format!("✓ {} ({})", self.name(at), amounts::took(took))),
            StepEvent::Failed(at) => self.ended(at, &format!("✗ {}", self.name(at))),
            StepEvent::Tick => self.tick(),
        }
    }

    fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }

    fn begun(&self, at: usize) {
        if self.screen.quiet {
            return;
        }
        if !self.screen.is_live() {
            if let Ok(mut silent) = self.silent.lock() {
                silent.insert(at, (Instant::now(), Instant::now()));
            }
            return;
        }
        let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg:.dim}");
        let bar = self.all.add(ProgressBar::new_spinner());
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(self.name(at).to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        if let Ok(mut bars) = self.bars.lock() {
            bars.insert(at, bar);
        }
    }

    fn doing(&self, at: usize, text: &str) {
        if let Ok(bars) = self.bars.lock()
            && let Some(bar) = bars.get(&at)
        {
            bar.set_message(visible(&hide(text)));
        }
    }

    /// Says of what takes long that it still runs.
    fn tick(&self) {
        let Ok(mut silent) = self.silent.lock() else { return };
        for (at, (begin, said)) in silent.iter_mut().filter(|(_, (_, said))| said.elapsed() >= SILENCE) {
            *said = Instant::now();
            self.print(&format!("… {} still runs ({})", self.name(*at), amounts::took(begin.elapsed())));
        }
    }

    fn ended(&self, at: usize, line: &str) {
        if let Ok(mut silent) = self.silent.lock() {
            silent.remove(&at);
        }
        if let Ok(mut bars) = self.bars.lock()
            && let Some(bar) = bars.remove(&at)
        {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
        self.print(line);
    }

    fn print(&self, line: &str) {
        if self.screen.quiet {
            return;
        }
        if self.screen.is_live() {
            // A terminal that is gone shows nothing, and that is no error.
            let _ = self.all.println(line);
        } else {
            self.screen.say(line);
        }
    }

    /// Takes away what is still drawn, and says how long it took.
    pub fn finish(&self) -> Duration {
        if let Ok(mut bars) = self.bars.lock() {
            for bar in std::mem::take(&mut *bars).into_values() {
                bar.finish_and_clear();
            }
        }
        self.begin.elapsed()
    }
}
