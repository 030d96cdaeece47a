//! External content that a Dockerfile uses without a digest, so that the same text can build another image tomorrow.
//! Pure.

use std::collections::BTreeSet;

/// What every Dockerfile of the hierarchy begins with: these are not from outside.
const PARENT: [&str; 3] = ["${PARENT}", "$PARENT", "scratch"];

/// The instructions of `dockerfile` that use external content without a digest, as their author wrote them: a
/// `# syntax=` line, `ADD` of an address, and images in `FROM`, `COPY --from=` and `RUN --mount=from=`.
#[must_use]
pub fn unpinned(dockerfile: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut stages = BTreeSet::new();
    for line in dockerfile.lines().map(str::trim).take_while(|line| line.starts_with('#')) {
        let directive = line.trim_start_matches('#').trim().split_once('=');
        if directive.is_some_and(|(name, image)| name.trim().eq_ignore_ascii_case("syntax") && !has_digest(image)) {
            found.push(line.to_owned());
        }
    }
    for instruction in instructions(dockerfile) {
        let words: Vec<&str> = instruction.split_whitespace().collect();
        let Some((keyword, rest)) = words.split_first() else { continue };
        let flags = rest.iter().take_while(|word| word.starts_with("--"));
        let values: Vec<&&str> = rest.iter().skip_while(|word| word.starts_with("--")).collect();
        let is_fixed = |image: &str| {
            has_digest(image) || PARENT.contains(&image) || stages.contains(&image.to_lowercase()) || is_number(image)
        };
        let loose = match keyword.to_ascii_uppercase().as_str() {
            "FROM" => {
                let loose = values.first().is_some_and(|image| !is_fixed(image));
                if let [_, word, name, ..] = values.as_slice()
                    && word.eq_ignore_ascii_case("as")
                {
                    stages.insert(name.to_lowercase());
                }
                loose
            }
            "ADD" => {
                let is_summed = flags.clone().any(|flag| flag.starts_with("--checksum="));
                !is_summed && values.iter().any(|source| is_loose_address(source.trim_matches(['[', '"', ',', ']'])))
            }
            "COPY" => flags.clone().filter_map(|flag| flag.strip_prefix("--from=")).any(|image| !is_fixed(image)),
            "RUN" => {
                let mounts = flags.clone().filter_map(|flag| flag.strip_prefix("--mount="));
                mounts
                    .flat_map(|mount| mount.split(','))
                    .filter_map(|key| key.strip_prefix("from="))
                    .any(|image| !is_fixed(image))
            }
            _ => false,
        };
        if loose {
            found.push(words.join(" "));
        }
    }
    found
}

/// Whether a RUN mounts the whole build context. BuildKit of engine 20.10 then leaves the context's content out of what it
/// compares with earlier builds, where the same RUN also mounts a folder of the context.
#[must_use]
pub fn mounts_context(dockerfile: &str) -> bool {
    let is_whole = |mount: &str| {
        let key = |name: &str| mount.split(',').any(|part| part.split('=').next() == Some(name));
        let is_bind = mount.split(',').any(|part| part == "type=bind") || !key("type");
        is_bind && !["source", "src", "from"].into_iter().any(key)
    };
    let instructions = instructions(dockerfile);
    let flags = instructions.iter().flat_map(|instruction| instruction.split_whitespace());
    flags.filter_map(|flag| flag.strip_prefix("--mount=")).any(is_whole)
}

/// The instructions, each on one line, without comments.
fn instructions(dockerfile: &str) -> Vec<String> {
    instructions_with_lines(dockerfile).into_iter().map(|(_, instruction)| instruction).collect()
}

/// The same, each with the number of its first line.
#[must_use]
pub fn instructions_with_lines(dockerfile: &str) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    let mut open: Option<(usize, String)> = None;
    let lines = dockerfile.lines().map(str::trim).enumerate();
    for (at, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let (number, mut text) = open.take().unwrap_or((at + 1, String::new()));
        match line.strip_suffix('\\') {
            Some(part) => {
                text.extend([part, " "]);
                open = Some((number, text));
            }
            None => all.push((number, text + line)),
        }
    }
    all.extend(open);
    all
}

fn has_digest(image: &str) -> bool {
    image.split_once("@sha256:").is_some_and(|(_, digest)| digest.trim().len() == 64)
}

fn is_number(stage: &str) -> bool {
    !stage.is_empty() && stage.bytes().all(|byte| byte.is_ascii_digit())
}

/// An address other than that of one commit of a git repository.
fn is_loose_address(source: &str) -> bool {
    let is_address = source.contains("://") || source.starts_with("git@");
    let commit = source.rsplit_once('#').map_or("", |(_, part)| part.split(':').next().unwrap_or_default());
    is_address && !(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_without_a_digest_is_named() {
        let digest = "a".repeat(64);
        let text = format!(
            "# syntax=docker/dockerfile:1\nARG PARENT\nFROM ${{PARENT}}\n\
             # syntax=a comment\nFROM golang:1 AS Build\nFROM golang@sha256:{digest} AS other\n\
             ADD https://example.com/x.tgz /x\nADD [\"https://example.com/y\", \"/y\"]\nADD local /z\n\
             ADD --checksum=sha256:{digest} https://example.com/w /w\n\
             ADD https://example.com/r.git#{commit} /r\nadd git@example.com:r.git /r\n\
             COPY --from=build /a \\\n  # why\n  /b\nCOPY --from=1 /a /b\n\
             copy --chown=app --from=busybox:latest /bin/busybox /b\n\
             RUN --mount=type=bind,from=alpine,target=/m make\nRUN --mount=type=cache,target=/c make FROM=x\n",
            commit = "b".repeat(40),
        );
        assert_eq!(
            unpinned(&text),
            [
                "# syntax=docker/dockerfile:1",
                "FROM golang:1 AS Build",
                "ADD https://example.com/x.tgz /x",
                "ADD [\"https://example.com/y\", \"/y\"]",
                "add git@example.com:r.git /r",
                "copy --chown=app --from=busybox:latest /bin/busybox /b",
                "RUN --mount=type=bind,from=alpine,target=/m make",
            ]
        );
    }

    #[test]
    fn a_mount_without_source_is_the_whole_context() {
        let run = |mount: &str| mounts_context(&format!("RUN \\\n  --mount={mount} make\n"));
        assert!(run("type=bind,target=/mnt") && run("target=/mnt"));
        assert!(!run("type=bind,source=a,target=/mnt") && !run("type=cache,target=/c") && !run("from=x,target=/y"));
    }

    #[test]
    fn the_built_in_images_take_nothing_from_outside() {
        let assets = crate::assets::Assets::embedded();
        let files = assets.all().filter(|(path, _)| path.ends_with("/Dockerfile"));
        let texts: Vec<&str> = files.map(|(_, asset)| asset.text()).collect();
        assert!(texts.len() > 5);
        assert!(texts.iter().all(|text| unpinned(text).is_empty()));
    }
}
