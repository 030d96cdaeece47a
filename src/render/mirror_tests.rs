//! The lines of a mirror, run by the shells and by the helper itself.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::*;

#[test]
fn a_line_says_it_all() {
    let operations = [
        Operation::Clear("a".into()),
        Operation::Folder("d".into()),
        Operation::Folder("d/e".into()),
        Operation::Link { path: "l".into(), target: "it's".into() },
        Operation::Remove("-x".into()),
    ];
    let lines: Vec<String> = commands(&operations).into_iter().map(|line| String::from_utf8(line).unwrap()).collect();
    let expected =
        ["rm -rf './a'", "mkdir -p './d' './d/e'", "{ rm -rf './l' && ln -s -- 'it'\\''s' './l'; }", "rm -f './-x'"];
    assert_eq!(lines, expected);
    assert_eq!(
        packet(&[file(Path::new("a\nb"), true, 3)], b"abc").0,
        b"take 3 >\"$stage/f\" && chmod 755 \"$stage/f\" && { [ ! -d './a'\"$nl\"'b' ] || rm -rf './a'\"$nl\"'b'; } && mv -f -- \"$stage/f\" './a'\"$nl\"'b'\nabc"
    );
}

/// The helper in a shell of this machine: what it answers to packets.
fn helper(shell: &str, folder: &Path, packets: &[Packet]) -> String {
    let mut child = Command::new(shell)
        .args(["-c", HELPER, "devenv-mirror"])
        .args([folder.as_os_str(), OsStr::new("T")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = packets.iter().flat_map(|packet| packet.0.clone()).collect::<Vec<u8>>();
    let feed = std::thread::spawn(move || input.write_all(&bytes));
    let mut said = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut said).unwrap();
    let _ = feed.join().unwrap();
    child.wait().unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn every_byte_survives_in_every_shell() {
    for shell in ["dash", "bash"] {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<PathBuf> = (1..=255_u8)
            .filter(|byte| *byte != b'/')
            .map(|byte| PathBuf::from(OsStr::from_bytes(&[byte, b'n', byte, byte])))
            .collect();
        let all: Vec<u8> = (0..=255).collect();
        let mut packets: Vec<Packet> = names.iter().map(|name| packet(&[file(name, false, 256)], &all)).collect();
        let links = names.iter().map(|name| {
            let mut path = b"l".to_vec();
            path.extend(name.as_os_str().as_bytes());
            Operation::Link { path: PathBuf::from(OsStr::from_bytes(&path)), target: name.clone() }
        });
        let links: Vec<Operation> = links.collect();
        // All in one script, and one by one.
        packets.push(packet(&commands(&links), b""));
        packets.push(packet(&[file(Path::new("x y"), true, 0)], b""));
        let said = helper(shell, folder.path(), &packets);
        assert_eq!(said, "T ok\n".repeat(packets.len() + 1), "{shell}");
        for name in &names {
            assert_eq!(fs::read(folder.path().join(name)).unwrap(), all, "{shell}: {}", name.display());
        }
        for link in &links {
            let Operation::Link { path, target } = link else { continue };
            assert_eq!(fs::read_link(folder.path().join(path)).unwrap(), *target, "{shell}");
        }
        assert_eq!(fs::metadata(folder.path().join("x y")).unwrap().permissions().mode() & 0o777, 0o755);
        let left: Vec<_> = fs::read_dir(folder.path().join(".devenv")).unwrap().collect();
        assert!(left.is_empty(), "{shell}: {left:?}");
        let gone: Vec<Operation> = names.iter().map(|name| Operation::Remove(name.clone())).collect();
        let said = helper(shell, folder.path(), &[packet(&commands(&gone), b"")]);
        assert_eq!(said, "T ok\nT ok\n");
        assert!(names.iter().all(|name| !folder.path().join(name).exists()));
    }
}

#[test]
fn a_failure_is_answered_and_nothing_after_it_is_taken_for_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let packets =
        [packet(&[file(Path::new("no/folder"), false, 2)], b"ab"), packet(&[file(Path::new("b"), false, 2)], b"cd")];
    let said = helper("sh", folder.path(), &packets);
    assert!(said.ends_with("T error\n") && said.contains("no/folder"), "{said}");
    assert!(!folder.path().join("b").exists());
}
