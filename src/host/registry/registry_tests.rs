//! The client against a registry that answers as instructed, request by request.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::host::registry::credentials::RegistryLogin;
use crate::host::registry::exchange::Exchange;
use crate::host::registry::{Manifest, Registry};
use crate::plan::registry::place::RegistryPath;
use crate::plan::registry::retry::Patience;

/// Answers each request with the next of these, and returns the requests.
fn server(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let served = std::thread::spawn(move || {
        let requests = answers.into_iter().map(|answer| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            loop {
                let many = stream.read(&mut piece).unwrap();
                request.extend_from_slice(&piece[..many]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head
                    .to_lowercase()
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.lines().next()?.parse().ok());
                if many == 0 || body.len() >= length.unwrap_or(0) {
                    break;
                }
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request).into_owned()
        });
        requests.collect()
    });
    (host, served)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn registry(host: &str, login: Option<(&str, &str)>) -> Registry {
    let login =
        login.map(|(user, password)| RegistryLogin::Password { user: user.to_owned(), password: password.to_owned() });
    Registry::new(RegistryPath::new(&format!("{host}/shop")), login)
}

#[tokio::test]
async fn what_fails_for_a_moment_is_asked_again() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\nhalf".to_owned();
    let busy = answer("429 Too Many", "Retry-After: 0\r\n", "");
    let answers =
        vec![busy, String::new(), cut, answer("503 No", "", ""), answer("200 OK", "Content-Type: x\r\n", "{}")];
    let (host, served) = server(answers);
    let manifest = registry(&host, None).manifest("api", "v1").await.unwrap().unwrap();
    assert_eq!((manifest.bytes.as_slice(), manifest.kind.as_str()), (b"{}".as_slice(), "x"));
    let requests = served.join().unwrap();
    assert_eq!(requests.len(), 5);
    assert!(requests.iter().all(|request| request.starts_with("GET /v2/shop/api/manifests/v1 HTTP/1.1\r\n")));
}

#[tokio::test]
async fn what_cannot_get_better_ends_at_once_with_the_next_step() {
    let (host, served) = server(vec![answer("401 No", "WWW-Authenticate: Basic realm=\"x\"\r\n", "")]);
    let error = registry(&host, None).digest("api", "v1").await.unwrap_err();
    assert!(error.to_string().ends_with("/shop/api: the registry denied access"), "{error}");
    assert_eq!(error.hints, [format!("`docker login {host}` keeps the credentials that devenv uses, too")]);
    served.join().unwrap();

    let (host, served) = server(vec![answer("404 No", "", "{}")]);
    assert_eq!(registry(&host, None).digest("api", "v1").await.unwrap(), None);
    served.join().unwrap();

    let said = "{\"errors\":[{\"code\":\"X\",\"message\":\"manifest\\u001b[2J invalid\"}]}";
    let (host, served) = server(vec![answer("400 Bad", "", said)]);
    let manifest = Manifest { kind: "k".to_owned(), bytes: b"{}".to_vec(), digest: "sha256:1".to_owned() };
    let error = registry(&host, None).put_manifest("api", "v1", &manifest).await.unwrap_err();
    assert!(error.to_string().ends_with("the registry answers 400: manifest[2J invalid"), "{error}");
    served.join().unwrap();
}

#[tokio::test]
async fn bytes_that_do_not_have_their_digest_are_refused() {
    let claimed = "Docker-Content-Digest: sha256:00\r\n";
    let (host, served) = server(vec![answer("200 OK", claimed, "{}"), answer("200 OK", "", "other")]);
    let registry = registry(&host, None);
    assert!(registry.manifest("api", "v1").await.unwrap_err().to_string().contains("does not match its digest"));
    assert!(registry.blob("api", "sha256:00").await.unwrap_err().to_string().contains("does not match its digest"));
    served.join().unwrap();
}

#[tokio::test]
async fn who_asks_is_said_as_the_registry_wants_it_and_only_once() {
    let basic = "WWW-Authenticate: Basic realm=\"x\"\r\n";
    let good = answer("200 OK", "Docker-Content-Digest: sha256:1\r\n", "");
    let (host, served) = server(vec![answer("401 No", basic, ""), good.clone(), good.clone()]);
    let asked = registry(&host, Some(("me", "word")));
    assert_eq!(asked.digest("api", "v1").await.unwrap().as_deref(), Some("sha256:1"));
    asked.digest("api", "v2").await.unwrap();
    let requests = served.join().unwrap();
    let has = |request: &str, text: &str| request.to_lowercase().contains(&text.to_lowercase());
    assert!(!has(&requests[0], "authorization"));
    assert!(has(&requests[1], "authorization: Basic bWU6d29yZA==") && has(&requests[2], "authorization: Basic"));

    let (tokens, token_served) = server(vec![answer("200 OK", "", "{\"token\":\"t0k\"}")]);
    let bearer = format!(
        "WWW-Authenticate: Bearer realm=\"http://{tokens}/token\",service=\"s s\",scope=\"repository:shop/api:pull\"\r\n"
    );
    let (host, served) = server(vec![answer("401 No", &bearer, ""), good]);
    registry(&host, Some(("me", "word"))).digest("api", "v1").await.unwrap();
    let request = token_served.join().unwrap().remove(0);
    assert!(request.starts_with("GET /token?service=s%20s&scope=repository%3Ashop%2Fapi%3Apull "), "{request}");
    assert!(has(&served.join().unwrap()[1], "authorization: Bearer t0k"));
}

#[tokio::test]
async fn an_upload_never_leaves_the_registry() {
    let away = "Location: https://evil.example.com/x\r\n";
    let (host, served) = server(vec![answer("404 No", "", ""), answer("202 Go", away, "")]);
    let error = registry(&host, None).put_blob("api", "sha256:1", b"x").await.unwrap_err();
    assert!(error.to_string().contains("the registry answers 202"), "{error}");
    served.join().unwrap();
}

fn bearer(tokens: &str, scope: &str) -> String {
    let header = format!("Bearer realm=\"{tokens}\",service=\"s\",scope=\"{scope}\"");
    answer("401 No", &format!("WWW-Authenticate: {header}\r\n"), "")
}

#[tokio::test]
async fn a_token_service_that_is_busy_is_asked_again_and_its_error_is_not_denied_access() {
    let busy = answer("429 Too Many", "Retry-After: 0\r\n", "");
    let (tokens, served) = server(vec![busy, String::new(), answer("200 OK", "", "{\"token\":\"t0k\"}")]);
    let good = answer("200 OK", "Docker-Content-Digest: sha256:1\r\n", "");
    let (host, _) = server(vec![bearer(&format!("http://{tokens}/token"), "a"), good]);
    assert!(registry(&host, None).digest("api", "v1").await.unwrap().is_some());
    assert_eq!(served.join().unwrap().len(), 3);

    let (tokens, _) = server(vec![answer("404 No", "", "")]);
    let (host, _) = server(vec![bearer(&format!("http://{tokens}/token"), "a")]);
    let error = registry(&host, None).digest("api", "v1").await.unwrap_err().to_string();
    assert!(error.contains("the token service") && error.ends_with("answers 404"), "{error}");
    let (tokens, _) = server(vec![answer("401 No", "", "")]);
    let (host, _) = server(vec![bearer(&format!("http://{tokens}/token"), "a")]);
    let error = registry(&host, None).digest("api", "v1").await.unwrap_err().to_string();
    assert!(error.ends_with("/shop/api: the registry denied access"), "{error}");
}

#[tokio::test]
async fn each_repository_keeps_its_own_token() {
    let token = |text: &str| answer("200 OK", "", &format!("{{\"token\":\"{text}\"}}"));
    let (tokens, token_served) = server(vec![token("of-api"), token("of-web")]);
    let good = answer("200 OK", "Docker-Content-Digest: sha256:1\r\n", "");
    let realm = format!("http://{tokens}/token");
    let answers = vec![bearer(&realm, "api"), good.clone(), bearer(&realm, "web"), good.clone(), good.clone(), good];
    let (host, served) = server(answers);
    let registry = registry(&host, None);
    for repository in ["api", "web", "api", "web"] {
        registry.digest(repository, "v1").await.unwrap();
    }
    let requests = served.join().unwrap();
    let used = |at: usize| requests[at].split("Bearer ").nth(1).map(|rest| rest.lines().next().unwrap().to_owned());
    let used: Vec<_> = (0..6).map(|at| used(at).unwrap_or_default()).collect();
    assert_eq!(used, ["", "of-api", "", "of-web", "of-api", "of-web"]);
    token_served.join().unwrap();
}

#[tokio::test]
async fn credentials_are_never_sent_in_the_clear_to_another_host() {
    for realm in ["HTTP://evil.example.com/token", "http://localhost:1@evil.example.com/token", "//evil/token"] {
        let (host, served) = server(vec![bearer(realm, "a")]);
        let error = registry(&host, Some(("me", "word"))).digest("api", "v1").await.unwrap_err().to_string();
        assert!(error.ends_with(&format!("wants credentials sent to {realm}, which is not an HTTPS URL")), "{error}");
        served.join().unwrap();
    }
    let (elsewhere, _) = server(vec![]);
    let away = format!("Location: http://{elsewhere}/x\r\n");
    let (host, served) = server(vec![
        answer("401 No", "WWW-Authenticate: Basic realm=\"x\"\r\n", ""),
        answer("404 No", "", ""),
        answer("202 Go", &away, ""),
    ]);
    let error = registry(&host, Some(("me", "word"))).put_blob("api", "sha256:1", b"x").await.unwrap_err();
    assert!(error.to_string().contains("the registry answers 202"), "{error}");
    served.join().unwrap();
}

#[tokio::test]
async fn an_identity_token_is_exchanged_and_says_so_where_it_cannot_be() {
    let (tokens, token_served) = server(vec![answer("200 OK", "", "{\"access_token\":\"t0k\"}")]);
    let good = answer("200 OK", "Docker-Content-Digest: sha256:1\r\n", "");
    let (host, served) = server(vec![bearer(&format!("http://{tokens}/token"), "a"), good]);
    let identity = |host: &str| Registry::new(RegistryPath::new(host), Some(RegistryLogin::Identity("1d".to_owned())));
    assert!(identity(&host).digest("api", "v1").await.unwrap().is_some());
    let request = token_served.join().unwrap().remove(0);
    assert!(request.starts_with("POST /token "), "{request}");
    assert!(request.contains("grant_type=refresh_token") && request.ends_with("&refresh_token=1d"), "{request}");
    assert!(served.join().unwrap()[1].contains("Bearer t0k"));

    let (host, served) = server(vec![answer("401 No", "WWW-Authenticate: Basic realm=\"x\"\r\n", "")]);
    let error = identity(&host).digest("api", "v1").await.unwrap_err();
    assert!(error.to_string().contains("has an identity token for it"), "{error}");
    assert_eq!(error.hints, [format!("`docker login {host}` with a user name and a password or access token")]);
    served.join().unwrap();
}

#[tokio::test]
async fn a_silent_registry_is_told_once_and_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let place = RegistryPath::new(&format!("{host}/shop"));
    let patience =
        Patience { answer: Duration::from_millis(50), whole: Duration::from_millis(500), ..Patience::default() };
    let told = Arc::new(Mutex::new(Vec::new()));
    let exchange = Exchange::new(&place, None, patience);
    let into = told.clone();
    let registry =
        Registry { place, exchange }.telling(Arc::new(move |text| into.lock().unwrap().push(text.to_owned())));
    let begun = Instant::now();
    let error = registry.digest("api", "v1").await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(error.to_string().starts_with(&format!("the registry {host} does not answer: ")), "{error}");
    assert_eq!(*told.lock().unwrap(), [format!("the registry {host} does not answer yet; trying again")]);
}

#[tokio::test]
async fn a_request_that_cannot_be_made_is_not_retried() {
    let told = Arc::new(Mutex::new(0));
    let into = told.clone();
    let registry = registry("127.0.0.1:1", None).telling(Arc::new(move |_| *into.lock().unwrap() += 1));
    let error = registry.digest("api", "a b").await.unwrap_err();
    assert!(error.to_string().starts_with("the registry 127.0.0.1:1 cannot be asked: "), "{error}");
    assert_eq!(*told.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_list_of_tags_that_does_not_end_is_an_error() {
    let page = |tags: &str, link: &str| {
        let link = format!("Link: <{link}>; rel=\"next\"\r\n");
        answer("200 OK", if link.contains("<>") { "" } else { &link }, &format!("{{\"tags\":[{tags}]}}"))
    };
    let (host, served) = server(vec![page("\"a\",\"../b\"", "/v2/shop/api/tags/list?last=a"), page("\"c\"", "")]);
    assert_eq!(registry(&host, None).tags("api").await.unwrap(), ["a", "c"]);
    served.join().unwrap();
    for (tags, link, said) in [
        ("", "/v2/shop/api/tags/list?x", "page 1 is empty but links to another page"),
        ("\"a\"", "/v2/shop/api/tags/list", "page 1 links to a page that was read before"),
        ("\"a\"", "https://evil.example.com/", "the link to the next page leads away from the registry"),
    ] {
        let (host, served) = server(vec![page(tags, link)]);
        let error = registry(&host, None).tags("api").await.unwrap_err().to_string();
        assert!(error.ends_with(&format!("/shop/api: cannot read all tags: {said}")), "{error}");
        served.join().unwrap();
    }
    let full = format!("\"a\",\"{}\"", "x".repeat(7_500_000));
    let pages = (0..5).map(|at| page(&full, &format!("/v2/shop/api/tags/list?last={at}"))).collect();
    let (host, served) = server(pages);
    let error = registry(&host, None).tags("api").await.unwrap_err().to_string();
    assert!(error.contains("there are more than 1000 pages or"), "{error}");
    served.join().unwrap();
}
