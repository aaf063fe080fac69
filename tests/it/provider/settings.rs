//! What a configuration may say, and what it is told when it says something else.

use std::time::Duration;

use reassure::domain::order::Channel;
use reassure::provider::{self, Settings};
use serde_json::{Value, json};

use super::{least, secret_for};

const KINDS: [(&str, Channel); 7] = [
    ("sendgrid", Channel::Email),
    ("brevo_email", Channel::Email),
    ("resend", Channel::Email),
    ("twilio", Channel::Sms),
    ("brevo_sms", Channel::Sms),
    ("webhook", Channel::Webhook),
    ("generic", Channel::Sms),
];

fn faults(settings: Value) -> Vec<String> {
    let settings: Settings = serde_json::from_value(settings).unwrap();
    let faults = provider::build("mail", &settings).err().unwrap_or_default();
    faults
        .iter()
        .map(|fault| {
            assert_eq!(fault.file, "providers.mail");
            fault.what.clone()
        })
        .collect()
}

#[test]
fn the_least_is_enough() {
    for (kind, channel) in KINDS {
        let secret = secret_for(kind);
        let settings: Settings = serde_json::from_value(least(kind, "http://localhost", &secret)).unwrap();
        assert_eq!(settings.channel(), channel);
        assert_eq!(Duration::from_secs(settings.timeout_seconds()), Duration::from_secs(15));
        assert_eq!(settings.max_in_flight(), 32);
        let provider = provider::build("mail", &settings).unwrap();
        assert_eq!((provider.name(), provider.channel()), ("mail", channel));
        let written = serde_json::to_value(&settings).unwrap();
        assert_eq!(written["kind"], kind);
        assert_eq!(serde_json::from_value::<Settings>(written).unwrap(), settings);
    }
}

#[test]
fn the_vendors_own_hosts_are_the_default() {
    let hosts = [
        ("sendgrid", "https://api.sendgrid.com"),
        ("brevo_email", "https://api.brevo.com"),
        ("brevo_sms", "https://api.brevo.com"),
        ("resend", "https://api.resend.com"),
        ("twilio", "https://api.twilio.com"),
    ];
    for (kind, host) in hosts {
        let mut settings = least(kind, "", &secret_for(kind));
        settings.as_object_mut().unwrap().remove("url");
        let settings: Settings = serde_json::from_value(settings).unwrap();
        assert_eq!(serde_json::to_value(&settings).unwrap()["url"], json!(host));
    }
}

#[test]
fn an_unknown_word_is_refused() {
    for (kind, _) in KINDS {
        let mut settings = least(kind, "http://localhost", &secret_for(kind));
        settings["timeout"] = json!(3);
        let error = serde_json::from_value::<Settings>(settings).unwrap_err().to_string();
        assert!(error.contains("unknown field `timeout`"), "{error}");
    }
    let error = serde_json::from_value::<Settings>(json!({ "kind": "pigeon" })).unwrap_err().to_string();
    assert!(error.contains("unknown variant `pigeon`") && error.contains("`brevo_sms`"), "{error}");
}

#[test]
fn every_fault_is_told_and_no_secret_is() {
    let settings = json!({
        "kind": "twilio",
        "url": "ftp://api.example",
        "account_sid": "hunter2",
        "key_sid": "hunter3",
        "auth_token": { "file": "/nowhere/token" },
        "receipts": { "url": "not a URL" },
        "timeout_seconds": 0,
        "max_in_flight": 0,
    });
    let faults = faults(settings);
    assert_eq!(faults.len(), 9, "{faults:#?}");
    for field in [
        "url",
        "account_sid",
        "key_sid",
        "auth_token",
        "receipts.url",
        "receipts.auth_token",
        "timeout_seconds",
        "max_in_flight",
    ] {
        assert!(faults.iter().any(|fault| fault.starts_with(&format!("`{field}`"))), "{field}: {faults:#?}");
    }
    assert!(!faults.concat().contains("hunter"), "{faults:#?}");
}

#[test]
fn personal_data_do_not_cross_the_internet_in_clear() {
    let secret = secret_for("resend");
    for url in ["http://api.resend.com", "http://8.8.8.8", "http://[2a00::1]"] {
        assert!(faults(least("resend", url, &secret))[0].contains("in clear"), "{url}");
    }
    let inside = ["http://127.0.0.1:1", "http://[::1]:1", "http://10.1.2.3", "http://sandbox:80", "http://s.ns.svc"];
    for url in inside {
        assert_eq!(faults(least("resend", url, &secret)), Vec::<String>::new(), "{url}");
    }
}

#[test]
fn an_url_holds_neither_credentials_nor_a_query() {
    let secret = secret_for("resend");
    assert!(faults(least("resend", "https://me:hunter2@host.example", &secret))[0].contains("credentials"));
    assert!(faults(least("resend", "https://host.example/?key=1", &secret))[0].contains("`?`"));
    assert_eq!(faults(least("resend", "https://host.example/base/", &secret)), Vec::<String>::new());
}

#[test]
fn a_webhook_needs_a_secret_and_a_public_host() {
    let secret = secret_for("resend");
    let mut settings = least("webhook", "http://shop.internal", &secret);
    settings["secrets"] = json!([]);
    settings["allow_private_addresses"] = json!(false);
    let told = faults(settings.clone());
    assert!(told.len() == 2 && told[0].contains("https") && told[1].contains("`secrets` is empty"), "{told:#?}");
    settings["secrets"] = json!([secret.source()]);
    settings["url"] = json!("https://shop.example/hook");
    let told = faults(settings);
    assert!(told.len() == 1 && told[0].starts_with("`secrets[0]`") && !told[0].contains("k3y"), "{told:#?}");
}

#[test]
fn a_secret_that_no_header_carries_is_refused() {
    let secret = super::SecretFile::holding("k3\ny");
    let told = faults(least("resend", "https://host.example", &secret));
    assert!(told.len() == 1 && told[0].starts_with("`api_key`") && !told[0].contains("k3"), "{told:#?}");
}
