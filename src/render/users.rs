//! The names that a developer's uid and gid have inside containers.

use crate::render::{Access, Generated};

/// The files of the folder that is mounted for libnss-extrausers; they know no comments, so they carry no marker.
#[must_use]
pub fn files(uid: u32, gid: u32) -> Vec<Generated> {
    let public = |path: &str, text: String| Generated { path: format!("users/{path}"), text, access: Access::Public };
    vec![
        public("passwd", format!("app:x:{uid}:{gid}:app:/home/app:/bin/bash\n")),
        public("group", format!("app:x:{gid}:\n")),
    ]
}
