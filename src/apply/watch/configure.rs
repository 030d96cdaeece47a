//! Settings take effect in a watcher that runs: what they do not touch goes on, and what changed meanwhile is not missed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::apply::watch::Watcher;
use crate::apply::watch::watch_settings::WatchSettings;
use crate::host::file_watch::Changes;
use crate::names::PartName;
use crate::plan::watch::events::WatchEvent;
use crate::plan::watch::{FileChange, Rules, rules};

impl Watcher {
    /// Takes new settings; what they do not touch goes on.
    pub fn configure(&mut self, setting: WatchSettings) {
        self.times = setting.settled();
        let trees = setting.trees();
        let is_other = trees != *self.changes.trees();
        self.setting = Arc::new(setting);
        let wanted = rules(&self.setting.checkout.project, &self.setting.environment);
        self.configure_loops(&wanted);
        let mut changed = BTreeMap::new();
        if is_other {
            let known = self.changes.trees().folders.clone();
            let marks = |watcher: &Self| -> BTreeMap<PartName, String> {
                wanted.keys().filter_map(|module| Some((module.clone(), watcher.mark(module)?))).collect()
            };
            let before = marks(self);
            self.changes = Changes::open(&trees);
            // What changed while the settings were read is the beginning now, and comes as no change.
            for (module, now) in marks(self) {
                let folder = self.setting.checkout.project.file.modules.get(&module).map(|module| &module.path);
                let was_known = folder.is_some_and(|folder| known.contains_key(folder));
                if was_known && before.get(&module) != Some(&now) {
                    self.take(WatchEvent::Missed(self.begin.elapsed(), module));
                }
            }
            changed = self.setting.mirrored().map(|folder| (folder, FileChange::Folder)).collect();
            self.tell_ready(&wanted);
        }
        self.journal.forget_mirrors_but(&self.setting.copied().map(|part| &part.name).collect());
        // A copy may be another one now.
        self.mirror(changed);
    }

    /// Has the settings read again although their files are as they were: they could not be read.
    pub fn read_settings_again(&mut self) {
        self.settings_changed = true;
    }

    pub(super) fn configure_loops(&mut self, wanted: &Rules) {
        self.take(WatchEvent::Configured(wanted.clone()));
        for (module, rule) in wanted {
            let part = self.setting.environment.parts.get(module).and_then(|part| part.install.as_ref());
            let stamp = self.setting.stamps.get(module);
            let is_installed = part.zip(stamp).is_some_and(|(install, stamp)| install.changed(stamp).is_empty());
            self.take(WatchEvent::Installed(module.clone(), rule.install.clone().filter(|_| is_installed)));
        }
    }

    pub(super) fn tell_ready(&mut self, wanted: &Rules) {
        let names = self.setting.watched(wanted);
        self.journal.say(&format!("watching {} ({} files)", names.join(", "), self.changes.files()));
        self.journal.ready(self.changes.trouble());
    }

    pub(super) fn mark(&self, name: &PartName) -> Option<String> {
        let module = self.setting.checkout.project.file.modules.get(name)?;
        // What comes back from the container, or means nothing, was not missed.
        let counts = |path: &Path| {
            let path = path.strip_prefix(&self.setting.checkout.root).unwrap_or(path);
            self.loops.counts(name, &path.to_string_lossy())
        };
        Some(format!("{:016x}", self.changes.mark(&self.setting.folder(&module.path), &counts)))
    }
}
