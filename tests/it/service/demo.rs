//! The demonstration from end to end: its inbox, whole, against what is written down here. After
//! a change of words or rules, look at the difference and accept it: INSTA_UPDATE=always.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::harness::{read, text};

const BINARY: &str = env!("CARGO_BIN_EXE_reassure");

/// A request of the inbox, without what differs from run to run.
#[derive(Clone, Debug)]
struct Letter {
    at: String,
    order: String,
    message: String,
    path: String,
    locale: String,
    recipient: &'static str,
    begins: String,
    body: String,
    key: String,
    taken: bool,
}

impl Letter {
    fn read(file: &Path) -> Self {
        let request: Value = serde_json::from_str(&read(file)).unwrap();
        let of = |field: &str| request[field].as_str().unwrap().to_owned();
        let raw = of("body");
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect();
        let body: Value = serde_json::from_str(&raw).unwrap_or_default();
        let first = |pointers: &[&str]| {
            let found = pointers.iter().find_map(|pointer| body.pointer(pointer)?.as_str());
            found.map(str::to_owned)
        };
        let html = first(&["/html", "/htmlContent", "/content/1/value"]);
        let of_html = html.and_then(|html| Some(html.split_once("lang=\"")?.1.split_once('"')?.0.to_owned()));
        let recipient = match of("vendor").as_str() {
            "resend" | "brevo_email" | "sendgrid" => "e-mail",
            "twilio" | "brevo_sms" => "telephone",
            _ => "shop",
        };
        let begins = first(&["/subject", "/data/title", "/document/data/title", "/content"]);
        let begins = begins.or_else(|| form.get("Body").cloned()).unwrap_or_default();
        let order = raw.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').find(|word| is_order(word));
        Self {
            at: of("virtual_time"),
            order: order.unwrap_or("?").to_owned(),
            message: first(&["/tag", "/type", "/document/type", "/tags/0/value", "/tags/0", "/categories/0"])
                .unwrap_or_else(|| "-".to_owned()),
            path: of("path"),
            locale: first(&["/data/locale", "/document/data/locale"]).or(of_html).unwrap_or_else(|| "-".to_owned()),
            recipient,
            begins: begins.chars().take(60).collect(),
            body: raw,
            key: of("key"),
            taken: request["taken"].as_bool().unwrap(),
        }
    }

    fn line(&self) -> String {
        let digest: String = Sha256::digest(&self.body).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let Self { at, order, message, path, locale, recipient, begins, .. } = self;
        let path = path.replace("/2010-04-01/Accounts/AC00000000000000000000000000000000", "…");
        format!("{at} {order} {message} {path} {locale} {recipient} {digest} {begins}")
    }
}

fn is_order(word: &str) -> bool {
    word.split_once('-').is_some_and(|(shop, number)| {
        matches!(shop, "ML" | "LG" | "AN") && number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit())
    })
}

/// Plays the demonstration; what was asked of the providers, and what was printed.
fn play(arguments: &[&str]) -> (Vec<Letter>, String) {
    let inbox = tempfile::tempdir().unwrap();
    let played =
        Command::new(BINARY).args(["demo", "--once", "--inbox"]).arg(inbox.path()).args(arguments).output().unwrap();
    assert!(played.status.success(), "{}\n{}", text(&played.stdout), text(&played.stderr));
    assert_eq!(text(&played.stderr), "");
    let files = std::fs::read_dir(inbox.path()).unwrap();
    let mut letters: Vec<Letter> = files.map(|file| Letter::read(&file.unwrap().path())).collect();
    letters.sort_by_key(|letter| (letter.at.clone(), letter.order.clone(), letter.message.clone(), letter.line()));
    (letters, text(&played.stdout))
}

fn listed(letters: &[Letter]) -> String {
    letters.iter().map(|letter| letter.line() + "\n").collect()
}

#[test]
fn the_sample_shop_writes_what_is_expected_and_trouble_changes_none_of_it() {
    let (calm, printed) = play(&["--calm"]);
    assert!(calm.iter().all(|letter| letter.taken));
    assert!(printed.contains("orders told:"), "{printed}");
    let mut expected = listed(&calm);
    for (order, message, path) in [
        ("ML-1001", "confirmation", "/webhooks/maison-lumen"),
        ("ML-1006", "pickup_chosen", "/v3/transactionalSMS/send"),
        ("LG-2001", "delivered", "/v3/smtp/email"),
    ] {
        let is = |letter: &&Letter| letter.order == order && letter.message == message && letter.path == path;
        let whole = calm.iter().find(is).unwrap_or_else(|| panic!("{order} {message} {path}"));
        let body: Value = serde_json::from_str(&whole.body).unwrap();
        let shown = body.get("textContent").unwrap_or(&body);
        let shown = shown.as_str().map_or_else(|| serde_json::to_string_pretty(&body).unwrap(), str::to_owned);
        let _ = write!(expected, "\n--- {order} {message} {path}\n{}\n", shown.trim_end());
    }
    insta::assert_snapshot!("inbox", expected);

    // the same messages reach the same people, each once where the vendor honours keys
    let (troubled, _) = play(&[]);
    let reached = |letters: &[Letter]| -> BTreeSet<(String, String)> {
        let taken = letters.iter().filter(|letter| letter.taken);
        taken.map(|letter| (letter.key.clone(), letter.body.clone())).collect()
    };
    assert!(troubled.iter().any(|letter| !letter.taken));
    assert_eq!(reached(&troubled), reached(&calm));
    assert_eq!(troubled.iter().filter(|letter| letter.taken).count(), calm.len());
}

/// Late, without a zone, malformed, doubled: each line of a file of one's own has its end.
#[test]
fn events_of_ones_own_are_played_at_their_time() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), include_str!("demo/events.jsonl")).unwrap();
    let (letters, printed) = play(&["--events", file.path().to_str().unwrap()]);
    insta::assert_snapshot!("events_of_ones_own", listed(&letters));
    assert!(printed.contains("(learnt "), "the late one is told as such:\n{printed}");
    assert!(printed.contains("records that could not be read"), "the malformed one is not passed over:\n{printed}");
}
