//! Where a request to another system may go: the host of its secret, and addresses of the scope. A person who may write a connector
//! decides neither.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use promissory::adapters::address::AddressScope;
use promissory::adapters::http_source::HttpSource;
use promissory::adapters::secrets::SourceSecrets;
use promissory::flows::pull::PullError;
use promissory::ports::Source;
use promissory::source::pull::{PullAuth, PullMethod, PullRequest, SourceError};
use promissory_fakes::systems::Served;

use super::pulled::{ALL, Pulled, SECRET, configuration, local, system_state};

/// Protects the credentials of a system from a connector that names another host: that host is not called, the error says what to
/// do, an alert is raised, and the feed goes on when the connector is right again.
#[tokio::test]
async fn a_secret_is_not_sent_to_another_host() {
    for words in ALL {
        let file = words.file;
        let mut pulled = Pulled::new(words).await;
        pulled.receipts(2);
        let stranger = Served::start(words.shape, SECRET, system_state(pulled.world.clock.after(0))).await.expect("a port");
        let known = std::mem::replace(&mut pulled.system, configuration(words, stranger.url(), &[]));
        let stale = format!("source_stale#{}#{} raised", pulled.system.code, words.feeds[0]);
        for failures in 1..=3 {
            let refused = pulled.pull(words.feeds[0]).await;
            let Err(PullError::Source(SourceError::Refused { detail })) = refused else { panic!("{file}: {refused:?}") };
            for part in [words.secret, pulled.served.host(), stranger.host(), "correct the url of the feed"] {
                assert!(detail.contains(part), "{file}: {part} in {detail}");
            }
            assert!(!detail.contains(SECRET), "{file}: {detail}");
            assert_eq!(pulled.world.alerts().contains(&stale), failures == 3, "{file}: after {failures} failures");
            pulled.pass(900);
        }
        assert_eq!(stranger.with(|state| state.asked), 0, "{file}: the other host is not called");
        pulled.system = known;
        assert_eq!(pulled.movements().await.applied, 2, "{file}");
        assert!(!pulled.world.alerts().contains(&stale), "{file}: the alert is cleared");
    }
}

/// Protects the network of the function: without a scope that allows it no private address is called, whether the URL contains the
/// address or a name that has it. What is refused is permanent, and does not look like a system that is down.
#[tokio::test]
async fn an_address_outside_the_scope_is_not_called() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port 0 is always free");
    listener.set_nonblocking(true).expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    for (host, scope, called) in [
        ("127.0.0.1", AddressScope::Public, false),
        ("2130706433", AddressScope::Public, false),
        ("[::ffff:127.0.0.1]", AddressScope::Public, false),
        ("localhost", AddressScope::Public, false),
        ("LOCALHOST", AddressScope::Public, false),
        ("127.0.0.1", AddressScope::Private, false),
        ("localhost", AddressScope::Private, false),
        ("127.0.0.1", AddressScope::Loopback, true),
        ("localhost", AddressScope::Loopback, true),
    ] {
        let source = HttpSource::new(SourceSecrets::default(), scope).expect("a client");
        let failed = source.fetch(&request(&format!("https://{host}:{port}/"), PullAuth::None)).await;
        match failed {
            Err(SourceError::Refused { detail }) if !called => assert!(detail.contains("has the address"), "{host}: {detail}"),
            Err(SourceError::Unavailable { .. }) if called => {} // It does not speak TLS.
            failed => panic!("{host} in {scope:?}: {failed:?}"),
        }
        assert_eq!(listener.accept().is_ok(), called, "{host} in {scope:?}");
    }
}

/// Protects the person who reads the alert about a failed pull: the error says why the call got no answer, and has no part of the URL.
#[tokio::test]
async fn a_call_without_an_answer_says_why() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("port 0 is always free").local_addr().expect("an address");
    let source = HttpSource::new(SourceSecrets::default(), AddressScope::Loopback).expect("a client");
    for (url, cause) in [
        (format!("https://{closed}/?key=secret-key"), "refused"),
        ("https://no-such-host.invalid/?key=secret-key".to_owned(), "dns error"),
    ] {
        let failed = source.fetch(&request(&url, PullAuth::None)).await;
        let Err(SourceError::Unavailable { detail, .. }) = failed else { panic!("{url}: {failed:?}") };
        assert!(detail.starts_with("the call failed: ") && detail.contains(cause), "{url}: {detail}");
        assert!(!detail.contains("key"), "{url}: {detail}");
    }
}

/// Protects secrets from a connection without TLS: only the local stack may do without, and only to this machine.
#[tokio::test]
async fn a_request_needs_tls() {
    let secrets = SourceSecrets::default().outbound("token", "erp.example.com:80", "a token");
    let source = local(secrets);
    let auth = PullAuth::Bearer { secret: "token".to_owned() };
    for url in ["http://erp.example.com/", "http://localhost:80/", "http://10.0.0.1/", "ftp://127.0.0.1/"] {
        let refused = source.fetch(&request(url, auth.clone())).await;
        let Err(SourceError::Refused { detail }) = refused else { panic!("{url}: {refused:?}") };
        assert!(detail.contains("https://"), "{url}: {detail}");
    }
}

/// A request that a server which never answers must not hold up for long.
fn request(url: &str, auth: PullAuth) -> PullRequest {
    let within = Duration::from_millis(500);
    PullRequest { method: PullMethod::Get, url: url.to_owned(), headers: BTreeMap::new(), body: None, auth, within }
}
