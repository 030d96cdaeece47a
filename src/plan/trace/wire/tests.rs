//! A capture of a real module, made with the call that `trace` makes: a lookup of a name that does not exist, calls of a
//! database, a cache and another module, and a health check of the module meanwhile.

use crate::plan::trace::wire::calls::read;
use crate::plan::trace::wire::protocols::words;
use crate::plan::trace::wire::seen::{Known, Looked, What, Wire};

const CALLS: &[u8] = include_bytes!("testdata/calls.pcap");

fn known() -> Known {
    Known { port: 8000, own: "api".to_owned(), id: "devenv-trace-recorded".to_owned(), ..Known::default() }
}

fn text(wire: &Wire) -> String {
    let line = |what: &What| match what {
        What::Name(name, Looked::Addresses(all)) => format!("{name} {all:?}\n"),
        What::Name(name, looked) => format!("{name} {looked:?}\n"),
        What::Call(call) => {
            let name = call.name.clone().unwrap_or_default();
            let said = call.spoken.as_ref().map(|words| format!(" {}", words.text)).unwrap_or_default();
            let problem = call.spoken.as_ref().and_then(|words| words.problem.as_ref()).map_or("", |_| " (problem)");
            format!("{name} {} {:?}{said}{problem}\n", call.to, call.came)
        }
    };
    wire.seen.iter().map(|seen| line(&seen.what)).collect()
}

#[test]
fn a_recording_is_lookups_and_calls_with_how_far_each_came() {
    let wire = read(CALLS, &known());
    assert_eq!(
        text(&wire),
        "\
db [10.213.0.4]
db 10.213.0.4:5432 Answered postgres
cache 10.213.0.5:6379 Answered redis
dbx NoSuchName
db 10.213.0.4:5433 Refused
cache [10.213.0.5]
cache 10.213.0.5:6379 Answered redis: NOAUTH Authentication required. (problem)
web [10.213.0.3]
web 10.213.0.3:3000 Answered GET /nowhere answered 404
 127.0.0.1:9 Refused
"
    );
    assert_eq!(wire.others, 1, "the health check is a request of another one");
    assert!(wire.seen.iter().all(|seen| seen.ms.is_some_and(|ms| ms < 1000.0)));
    assert!(!text(&wire).contains("hidden-word"), "a query may hold a credential");
}

#[test]
fn a_capture_that_is_cut_or_damaged_anywhere_is_read_as_far_as_it_goes() {
    for length in 0..CALLS.len() {
        assert!(read(&CALLS[..length], &known()).seen.len() <= 40);
    }
    let mut damaged = CALLS.to_vec();
    for at in (0..CALLS.len()).step_by(3) {
        damaged[at] ^= 0xff;
        assert!(read(&damaged, &known()).seen.len() <= 40);
        damaged[at] ^= 0xff;
    }
    // A record that says it is as long as memory.
    damaged[32..36].fill(0xff);
    assert_eq!(read(&damaged, &known()), Wire::default());
}

#[test]
fn what_a_server_says_in_its_own_protocol_is_told_and_what_it_is_asked_is_not() {
    let said = |asked: &[u8], answered: &[&[u8]]| {
        let words = words(&[asked], answered).unwrap();
        format!("{}{}", words.text, if words.problem.is_some() { " !" } else { "" })
    };
    let startup = b"\0\0\0\x09\0\x03\0\0u";
    let error = b"1\0\0\0\x04E\0\0\0\x20SFATAL\0MNo such table \x1b[2J\0\0";
    assert_eq!(said(startup, &[error]), "postgres: No such table \u{1b}[2J !");
    assert_eq!(said(startup, &[b"R\0\0\0\x08\0\0\0\0"]), "postgres");
    assert_eq!(said(b"", &[b"J\0\0\0\x0a11.4.2\0"]), "mysql");
    assert_eq!(said(b"", &[b"\x10\0\0\0\xff\x10\x04Too many connections"]), "mysql: Too many connections !");
    assert_eq!(said(b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n", &[b"-WRONGPASS no\r\n"]), "redis: WRONGPASS no !");
    assert_eq!(said(b"\x16\x03\x01\0\x05hello", &[b"\x15\x03\x03\0\x02\x02\x30"]), "tls: alert 48 !");
    assert_eq!(
        said(b"GET http://me:secret@web/x?token=secret HTTP/1.1\r\n", &[b"HTTP/1.1 503 Busy\r\n"]),
        "GET http://web/x answered 503 !"
    );
    assert_eq!(words(&[b"anything"], &[b"else"]), None);
    assert_eq!(words(&[], &[]), None);
}
