//! Watched parts that are no longer running: their state is inspected, logged and reported.

use std::collections::BTreeMap;

use crate::apply::watch::Watcher;
use crate::apply::watch::mishaps::{Followers, look};
use crate::apply::watch::notify::tell;
use crate::apply::watch::watch_events::Message;
use crate::config::model::occasions::Occasion;
use crate::names::PartName;
use crate::plan::environment::lifecycle::End;
use crate::plan::parts::PartKind;
use crate::plan::watch::deaths::{self, Mishap};
use crate::plan::watch::notify::News;

impl Watcher {
    /// Other containers run than before: looks at what became of those that do not run any more.
    pub(super) fn have_run(&mut self, before: &BTreeMap<PartName, String>) {
        self.deaths.run(self.begin.elapsed(), self.containers.keys());
        for (part, id) in before.iter().filter(|(part, id)| self.containers.get(*part) != Some(id)) {
            let known = self.setting.environment.parts.get(part);
            // The end of a task is none of a part that should run.
            if known.is_some_and(|part| part.kind != PartKind::Task && part.lifecycle.end == End::Stopped) {
                tokio::spawn(look(self.engine.clone(), part.clone(), id.clone(), self.outbox.clone()));
            }
        }
        self.follow_errors();
    }

    /// Follows what parts print, where somebody asked to be told of errors.
    pub(super) fn follow_errors(&mut self) {
        let notify = self.setting.checkout.project.file.notify.as_ref();
        if notify.is_some_and(|notify| notify.on.0.contains(&Occasion::Error)) {
            self.followers.follow(&self.engine, &self.containers, &self.outbox);
        } else {
            self.followers = Followers::default();
        }
    }

    /// Something has happened to a part: it is said and told, once.
    pub(super) fn mishap(&mut self, part: &PartName, mishap: &Mishap, lines: Vec<String>) {
        if !self.deaths.is_news(part, mishap) {
            return;
        }
        self.journal.say(&mishap.text(part));
        let project = &self.setting.checkout.project.file;
        let news = project
            .notify
            .as_ref()
            .and_then(|notify| deaths::news(notify, project.project.as_str(), part, mishap, lines));
        if let Some(news) = news {
            self.tell(news);
        }
    }

    /// Tells somebody in the background.
    pub(super) fn tell(&self, news: News) {
        let Some(notify) = self.setting.checkout.project.file.notify.clone() else { return };
        let (engine, containers, outbox) = (self.engine.clone(), self.containers.clone(), self.outbox.clone());
        tokio::spawn(async move {
            for error in tell(&engine, &notify, &containers, &news).await {
                // The channel is closed once the watcher has stopped.
                let _ = outbox.send(Message::Line(news.module.clone(), format!("notification failed: {error}")));
            }
        });
    }
}
