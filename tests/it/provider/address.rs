//! Webhooks are safe from SSRF (promise 17).

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reassure::domain::notification::Outcome;
use reassure::provider::address::{Guard, Refused, admit};
use reassure::provider::{self, Settings};
use reqwest::dns::Resolve as _;
use serde_json::json;

use super::raw::{Act, Raw, http};
use super::{least, made, secret_for, send};

const UNFIT: [(&str, &str); 54] = [
    ("0.0.0.0", "unspecified"),
    ("0.1.2.3", "unspecified"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("10.0.0.1", "private"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.168.1.1", "private"),
    ("169.254.169.254", "link-local"),
    ("100.64.0.1", "carrier-grade NAT"),
    ("100.100.100.200", "carrier-grade NAT"),
    ("100.127.255.255", "carrier-grade NAT"),
    ("168.63.129.16", "cloud metadata"),
    ("192.0.0.192", "protocol assignments"),
    ("192.0.2.1", "documentation"),
    ("198.51.100.1", "documentation"),
    ("203.0.113.1", "documentation"),
    ("192.88.99.1", "6to4 relay"),
    ("198.18.0.1", "benchmarking"),
    ("198.19.255.255", "benchmarking"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::2", "reserved"),
    ("::127.0.0.1", "loopback"),
    ("::8.8.8.8", "reserved"),
    ("::ffff:127.0.0.1", "loopback"),
    ("::ffff:10.0.0.1", "private"),
    ("::ffff:169.254.169.254", "link-local"),
    ("::ffff:0:169.254.169.254", "link-local"),
    ("64:ff9b::127.0.0.1", "loopback"),
    ("64:ff9b::169.254.169.254", "link-local"),
    ("64:ff9b::a00:1", "private"),
    ("64:ff9b:1::8.8.8.8", "local NAT64"),
    ("2002:7f00:1::", "loopback"),
    ("2002:a9fe:a9fe::1", "link-local"),
    ("2002:c0a8:101::1", "private"),
    // Teredo of 10.0.0.1 and of 8.8.8.8
    ("2001:0:4136:e378:8000:63bf:f5ff:fffe", "private"),
    ("2001:0:4136:e378:8000:63bf:f7f7:f7f7", "Teredo"),
    ("2001:2::1", "protocol assignments"),
    ("2001:20::1", "protocol assignments"),
    ("2001:db8::1", "documentation"),
    ("3fff::1", "documentation"),
    ("100::1", "discard"),
    ("fc00::1", "private"),
    ("fd00:ec2::254", "private"),
    ("fe80::1", "link-local"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
    ("4000::1", "reserved"),
    // ISATAP of 10.0.0.1, behind a public prefix
    ("2a00:1450:4007:80e:0:5efe:a00:1", "private"),
];

const FIT: [&str; 14] = [
    "8.8.8.8",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "168.63.129.17",
    "192.0.1.1",
    "223.255.255.255",
    "2a00:1450:4007:80e::200e",
    "2001:4860:4860::8888",
    "64:ff9b::8.8.8.8",
    "::ffff:8.8.8.8",
    "2002:808:808::1",
];

#[test]
fn every_address_that_is_not_public_is_refused() {
    for (text, kind) in UNFIT {
        assert_eq!(admit(text.parse().unwrap()), Err(Refused { kind }), "{text}");
    }
    for text in FIT {
        assert_eq!(admit(text.parse().unwrap()), Ok(()), "{text}");
    }
}

/// Every way of writing such an address into a URL.
#[test]
fn a_literal_address_is_refused_when_the_provider_is_built() {
    let hosts = [
        "127.0.0.1",
        "127.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "2130706433",
        "0",
        "169.254.169.254",
        "[::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[fd00:ec2::254]",
        "１２７.0.0.1",
    ];
    let secret = secret_for("webhook");
    for host in hosts {
        let mut settings = least("webhook", "https://unused", &secret);
        settings["url"] = json!(format!("https://{host}/hook"));
        settings["allow_private_addresses"] = json!(false);
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let faults = provider::build("hooks", &settings).err().unwrap();
        assert_eq!(faults.len(), 1, "{host}: {faults:?}");
        assert!(faults[0].what.contains("not public"), "{host}: {faults:?}");
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_when_dialling() {
    let server = Raw::start(Act::Answer(http(200, &[], ""))).await;
    let url = format!("https://localhost:{}/hook", server.address.port());
    let answer = send(&*made("webhook", "", json!({ "url": url, "allow_private_addresses": false }))).await;
    assert_eq!(answer.outcome, Outcome::TemporaryFailure);
    assert_eq!(answer.detail.as_deref(), Some("address_refused"));
    assert!(answer.rest, "the endpoint is at fault, not the message");
    assert!(server.requests().is_empty());
    // the same place is reached where that is allowed
    let url = format!("http://localhost:{}/hook", server.address.port());
    let answer = send(&*made("webhook", "", json!({ "url": url }))).await;
    assert_eq!(answer.outcome, Outcome::Accepted, "{answer:?}");
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let inside = Raw::start(Act::Answer(http(200, &[], ""))).await;
    for status in [301, 302, 303, 307, 308] {
        let location = inside.url();
        let outside = Raw::start(Act::Answer(http(status, &[("location", &location)], ""))).await;
        let answer = send(&*made("webhook", &outside.url(), json!({}))).await;
        assert_eq!(answer.outcome, Outcome::TemporaryFailure);
        assert_eq!(answer.detail.as_deref(), Some("redirect_refused"));
    }
    assert!(inside.requests().is_empty());
}

async fn resolve(guard: &Guard) -> Result<Vec<IpAddr>, Option<Refused>> {
    match guard.resolve("shop.example".parse().unwrap()).await {
        Ok(addresses) => Ok(addresses.map(|address| address.ip()).collect()),
        Err(error) => Err(error.downcast_ref::<Refused>().copied()),
    }
}

/// A name that was public when it was looked at and is not when it is dialled.
#[tokio::test]
async fn rebinding_gains_nothing() {
    let asked = Arc::new(AtomicUsize::new(0));
    let guard = Guard::new(move |_| {
        let nth = asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let address = if nth == 0 { "93.184.215.14" } else { "169.254.169.254" };
            Ok(vec![address.parse().unwrap()])
        })
    });
    let public: IpAddr = "93.184.215.14".parse().unwrap();
    assert_eq!(resolve(&guard).await, Ok(vec![public]));
    assert_eq!(resolve(&guard).await, Err(Some(Refused { kind: "link-local" })));
}

#[tokio::test]
async fn one_bad_address_among_good_ones_is_enough() {
    let guard =
        Guard::new(|_| Box::pin(async { Ok(vec!["93.184.215.14".parse().unwrap(), "10.0.0.1".parse().unwrap()]) }));
    assert_eq!(resolve(&guard).await, Err(Some(Refused { kind: "private" })));
    let guard = Guard::new(|_| Box::pin(async { Ok(Vec::new()) }));
    assert_eq!(resolve(&guard).await, Err(None), "no address is no way");
}
