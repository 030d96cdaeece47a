//! Whether a database lets somebody in, asked from this machine in its own protocol: the start-up, the login, and the
//! smallest question.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::authentication;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::plan::trace::questions::Login;

/// The longest answer of Redis that is read.
const MOST: usize = 4096;

/// Whether Postgres at this address lets somebody in and answers `select 1` within `patience`.
pub async fn postgres(at: SocketAddr, login: &Login, patience: Duration) -> bool {
    matches!(tokio::time::timeout(patience, speak_postgres(at, login)).await, Ok(Ok(true)))
}

/// Whether Redis at this address lets somebody in and answers PING within `patience`.
pub async fn redis(at: SocketAddr, login: &Login, patience: Duration) -> bool {
    matches!(tokio::time::timeout(patience, speak_redis(at, login)).await, Ok(Ok(true)))
}

/// The dialogue (PostgreSQL documentation, "Message Flow"): without TLS, as the parts of an environment have it.
async fn speak_postgres(at: SocketAddr, login: &Login) -> io::Result<bool> {
    let (user, password) = (login.user.as_bytes(), login.password.as_bytes());
    let mut stream = TcpStream::connect(at).await?;
    let (mut come, mut out) = (BytesMut::new(), BytesMut::new());
    // The server takes the user's name where none is named.
    let database = if login.database.is_empty() { &login.user } else { &login.database };
    frontend::startup_message([("user", login.user.as_str()), ("database", database)], &mut out)?;
    let mut scram = None;
    let (mut is_asked, mut has_answered) = (false, false);
    loop {
        if !out.is_empty() {
            stream.write_all(&out.split()).await?;
        }
        let Some(message) = Message::parse(&mut come)? else {
            if stream.read_buf(&mut come).await? == 0 {
                return Ok(false);
            }
            continue;
        };
        match message {
            Message::AuthenticationCleartextPassword => frontend::password_message(password, &mut out)?,
            Message::AuthenticationMd5Password(body) => {
                let hash = authentication::md5_hash(user, password, body.salt());
                frontend::password_message(hash.as_bytes(), &mut out)?;
            }
            Message::AuthenticationSasl(_) => {
                let begun = ScramSha256::new(password, ChannelBinding::unsupported());
                frontend::sasl_initial_response(SCRAM_SHA_256, begun.message(), &mut out)?;
                scram = Some(begun);
            }
            Message::AuthenticationSaslContinue(body) => {
                let Some(scram) = &mut scram else { return Ok(false) };
                scram.update(body.data())?;
                frontend::sasl_response(scram.message(), &mut out)?;
            }
            Message::AuthenticationSaslFinal(body) => {
                let Some(scram) = &mut scram else { return Ok(false) };
                scram.finish(body.data())?;
            }
            Message::ReadyForQuery(_) if is_asked => {
                frontend::terminate(&mut out);
                stream.write_all(&out).await?;
                return Ok(has_answered);
            }
            Message::ReadyForQuery(_) => {
                is_asked = true;
                frontend::query("select 1", &mut out)?;
            }
            Message::DataRow(_) => has_answered = true,
            Message::ErrorResponse(_) => return Ok(false),
            _ => {}
        }
    }
}

/// The dialogue (Redis documentation, "RESP protocol").
async fn speak_redis(at: SocketAddr, login: &Login) -> io::Result<bool> {
    let mut stream = TcpStream::connect(at).await?;
    let mut out = Vec::new();
    if !login.password.is_empty() {
        let user = Some(login.user.as_str()).filter(|user| !user.is_empty());
        out.extend(command(["AUTH"].into_iter().chain(user).chain([login.password.as_str()])));
    }
    out.extend(command(["PING"]));
    stream.write_all(&out).await?;
    let mut come = Vec::new();
    while come.len() < MOST {
        if stream.read_buf(&mut come).await? == 0 {
            break;
        }
        // Every answer to these is one line; that of an error begins with a minus.
        if come.first() == Some(&b'-') || come.ends_with(b"PONG\r\n") {
            break;
        }
    }
    Ok(!come.starts_with(b"-") && come.ends_with(b"+PONG\r\n"))
}

fn command<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let words: Vec<&str> = words.into_iter().collect();
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    words.iter().for_each(|word| bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::plan::login::Protocol;

    fn login(protocol: Protocol, password: &str) -> Login {
        Login {
            protocol,
            host: "db".to_owned(),
            port: 1,
            user: "me".to_owned(),
            password: password.to_owned(),
            database: String::new(),
        }
    }

    /// A server that answers each thing that it is sent with the next of these, and returns all that it was sent.
    async fn server(answers: Vec<&'static [u8]>) -> (SocketAddr, tokio::task::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut come = Vec::new();
            for answer in answers {
                stream.read_buf(&mut come).await.unwrap();
                stream.write_all(answer).await.unwrap();
            }
            // The last word, where there is one.
            let _ = stream.read_buf(&mut come).await;
            come
        });
        (at, served)
    }

    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn redis_lets_in_who_has_the_password_and_says_pong() {
        for (answer, expected) in [
            (&b"+OK\r\n+PONG\r\n"[..], true),
            (b"-WRONGPASS invalid username-password pair\r\n-NOAUTH Authentication required.\r\n", false),
            (b"+OK\r\n-LOADING Redis is loading the dataset in memory\r\n", false),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", false),
        ] {
            let (at, served) = server(vec![answer]).await;
            assert_eq!(redis(at, &login(Protocol::Redis, "p w"), LONG).await, expected);
            assert_eq!(served.await.unwrap(), b"*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$3\r\np w\r\n*1\r\n$4\r\nPING\r\n");
        }
    }

    /// The messages of a server that trusts, of one that wants a password in MD5, and of one that refuses.
    #[tokio::test]
    async fn postgres_is_asked_after_the_login_and_its_row_is_the_answer() {
        const READY: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
        const ROW: &[u8] = b"D\0\0\0\x0b\0\x01\0\0\0\x011C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I";
        const MD5: &[u8] = b"R\0\0\0\x0c\0\0\0\x05salt";
        const REFUSED: &[u8] = b"E\0\0\0\x11SFATAL\0M no\0\0";
        for (answers, expected) in [
            (vec![READY, ROW], true),
            (vec![MD5, READY, ROW], true),
            (vec![REFUSED], false),
            (vec![MD5, REFUSED], false),
        ] {
            let (at, served) = server(answers.clone()).await;
            assert_eq!(postgres(at, &login(Protocol::Postgres, "secret"), LONG).await, expected, "{answers:?}");
            let sent = String::from_utf8_lossy(&served.await.unwrap()).into_owned();
            assert!(sent.contains("user\0me\0database\0me\0"), "{sent:?}");
            assert_eq!(sent.contains("select 1"), expected);
            assert!(!sent.contains("secret"), "{sent:?}");
        }
    }

    #[tokio::test]
    async fn nobody_is_waited_for_longer_than_there_is_patience() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        assert!(!postgres(at, &login(Protocol::Postgres, ""), Duration::from_millis(10)).await);
        assert!(!redis(at, &login(Protocol::Redis, ""), Duration::from_millis(10)).await);
    }
}
