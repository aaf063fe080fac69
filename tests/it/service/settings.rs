//! What an operator can get wrong is told at once, with its place and what would be right; no
//! secret with it.

use std::process::Output;

use serde_json::{Value, json};

use super::harness::{World, json, read, text};

struct Fault {
    what: &'static str,
    /// The setting on whose line it stands; empty where the fault is of a part as a whole.
    at: &'static str,
    suggestion: &'static str,
}

const fn fault(what: &'static str, at: &'static str, suggestion: &'static str) -> Fault {
    Fault { what, at, suggestion }
}

const CARRIERS_FORMAT: &str = "events.topics.'reassure.carriers'.format";

/// What does not go together in the format of a topic, in the registry or with the shops.
const WRONG_TOGETHER: [(&[(&str, &str)], Fault); 12] = [
    (
        &[("restraint.switches", "[{ shop = 'lumens', until = '2026-12-01T00:00:00Z', why = 'a strike' }]")],
        fault("there is no shop 'lumens'", "restraint.switches", "'lumen'"),
    ),
    (
        &[("restraint.switches", "[{ until = '2026-12-01T00:00:00Z', why = 'a strike' }]")],
        fault("names nothing", "restraint.switches", "a channel or a country"),
    ),
    (
        &[("restraint.switches", "[{ country = 'France', until = '2026-12-01T00:00:00Z', why = 'a strike' }]")],
        fault("'France' is no country", "restraint.switches", ""),
    ),
    (
        &[("registry.url", "'http://a'"), ("registry.token.file", "'/nowhere/token'")],
        fault("/nowhere/token", "registry.token", ""),
    ),
    (&[(CARRIERS_FORMAT, "'cloud'")], fault("there is no format 'cloud'", CARRIERS_FORMAT, "")),
    (
        &[(CARRIERS_FORMAT, "'adapter:laposta'")],
        fault("there is no adapter 'laposta'", CARRIERS_FORMAT, "did you mean"),
    ),
    (&[(CARRIERS_FORMAT, "'confluent_avro'")], fault("needs a registry", CARRIERS_FORMAT, "registry.url")),
    (&[(CARRIERS_FORMAT, "'json'")], fault("does not say its type", "", "type = ")),
    (
        &[(CARRIERS_FORMAT, "'avro'"), ("events.topics.'reassure.carriers'.id", "{ header = 'id' }")],
        fault("'id' goes with json and debezium only", "events.topics.'reassure.carriers'.id", ""),
    ),
    (
        &[(CARRIERS_FORMAT, "'debezium'"), ("events.topics.'reassure.carriers'.time", "'now'")],
        fault("'time' is fixed", "events.topics.'reassure.carriers'.time", "header or a field"),
    ),
    (
        &[(CARRIERS_FORMAT, "'debezium'"), ("events.topics.'reassure.carriers'.types.Scan", "'parcel.trackd'")],
        fault("'parcel.trackd' is no type", "events.topics.'reassure.carriers'.types.Scan", "'parcel.tracked'"),
    ),
    (
        &[("events.topics.'reassure.carrier'.format", "'avro'")],
        fault("no topic of that name is read", "events.topics.'reassure.carrier'.format", "'reassure.carriers'"),
    ),
];

/// Settings that are wrong, each with its fault.
const WRONG: [(&[(&str, &str)], Fault); 37] = [
    (
        &[("restraint.switches", "[{ rule = 'dealy', until = '2026-12-01T00:00:00Z', why = 'a strike' }]")],
        fault("there is no rule 'dealy'", "restraint.switches", "'delay'"),
    ),
    (&[("restraint.suppressed", "'/nowhere/list'")], fault("/nowhere/list", "restraint.suppressed", "")),
    (&[("buss.group", "'a'")], fault("no section 'buss'", "buss.group", "'bus'")),
    (
        &[("dispatch.retry.max_attemps", "3")],
        fault("dispatch.retry.max_attemps", "dispatch.retry.max_attemps", "'max_attempts'"),
    ),
    (
        &[("shops.named.lumen.sender.emial", "'a'")],
        fault("shops.named.lumen.sender.emial", "shops.named.lumen.sender.emial", "'email'"),
    ),
    (&[("providers.mail.timeout_second", "3")], fault("timeout", "providers.mail.timeout_second", "'timeout_seconds'")),
    (&[("service.drain_seconds", "'soon'")], fault("service.drain_seconds", "service.drain_seconds", "")),
    (&[("http.listen", "'everywhere'")], fault("http.listen", "http.listen", "")),
    (&[("api.listen", "'0.0.0.0:8081'")], fault("nobody has to say who they are", "api.listen", "127.0.0.1")),
    (
        &[("api.tokens.ops", "{ may = 'operate', token = { file = '/nowhere/token' } }")],
        fault("/nowhere/token", "api.tokens.ops", ""),
    ),
    (&[("api.tokens.ops", "{ may = 'rule', token = { env = 'HOME' } }")], fault("rule", "api.tokens.ops", "")),
    (
        &[("api.proxy", "{ addresses = ['10.0.0.0/33'], user = 'x-user', read = ['*'] }")],
        fault("'10.0.0.0/33' is no address", "api.proxy", "10.0.3.0/24"),
    ),
    (&[("service.roles", "[]")], fault("names nothing to do", "service.roles", "ingest, dispatch, http")),
    (&[("service.roles", "['ingest', 'http']")], fault("store.kind is sqlite", "service.roles", "postgres")),
    (&[("service.roles", "['intake']")], fault("intake", "service.roles", "")),
    (&[("log.level", "'loud'")], fault("log.level", "log.level", "")),
    (&[("log.format", "'xml'")], fault("log.format", "log.format", "")),
    (&[("shop.providers.email", "'mial'")], fault("no provider 'mial'", "shop.providers.email", "'mail'")),
    (&[("shop.providers.sms", "'mail'")], fault("'mail' carries email, not sms", "shop.providers.sms", "")),
    (&[("dispatch.lease_seconds", "6")], fault("may take 2 seconds", "dispatch.lease_seconds", "at least 7")),
    (&[("shop.time_zone", "'Europe/Lyon'")], fault("time_zone", "shop.time_zone", "")),
    (&[("shop.locale", "'français'")], fault("locale", "shop.locale", "")),
    (&[("shop.country", "'France'")], fault("country", "shop.country", "")),
    (&[("shop.calendar.working_days", "[]")], fault("name at least one day", "shop.calendar.working_days", "")),
    (
        &[("shop.calendar.holidays", "'FR-75'")],
        fault("'FR-75' has no public holidays here", "shop.calendar.holidays", ""),
    ),
    (&[("shop.quiet_hours.sms", "'21-8'")], fault("'21-8' are no quiet hours", "shop.quiet_hours.sms", "")),
    (
        &[("shop.thresholds.silence", "[{ carrier = 'ups', after = '1d' }]")],
        fault("nothing fits the rest", "shop.thresholds", ""),
    ),
    (
        &[("shop.thresholds.silence", "[{ after = '2 dayz' }]")],
        fault("'dayz' in '2 dayz' is no unit of time", "shop.thresholds.silence", ""),
    ),
    (&[("providers.mail.api_key.file", "'/nowhere/key'")], fault("/nowhere/key", "providers.mail", "")),
    (&[("providers.mail.kind", "'resent'")], fault("resent", "providers.mail.kind", "")),
    (
        &[("outgoing.outcomes", "'reassure.orders'")],
        fault("would be read as events", "outgoing.outcomes", "another topic"),
    ),
    (&[("outgoing.dead_letters", "'dead letters'")], fault("no name of a topic", "outgoing.dead_letters", "dots")),
    (
        &[("outgoing.outcomes", "'told'"), ("outgoing.dead_letters", "'told'")],
        fault("is the topic of the outcomes", "outgoing.dead_letters", "another topic"),
    ),
    (&[("outgoing.format", "'xml'")], fault("outgoing.format", "outgoing.format", "")),
    (&[("rules.folder", "'/nowhere/rules'")], fault("/nowhere/rules", "", "")),
    (&[("registry.url", "'registry:8081'")], fault("registry.url: is no address", "registry.url", "")),
    (&[("registry.urll", "'a'")], fault("registry.urll", "registry.urll", "'url'")),
];

fn check(world: &World) -> (Output, Vec<Value>) {
    let checked = world.command(&["check", "-o", "json"]);
    let faults = json(&checked)["faults"].as_array().unwrap().clone();
    (checked, faults)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_told_with_its_line_and_what_would_be_right() {
    let sound = World::new().await;
    let (checked, faults) = check(&sound);
    assert!(checked.status.success() && faults.is_empty(), "{faults:?}");
    assert!(text(&sound.command(&["check"]).stdout).starts_with("no fault: "));
    for (settings, expected) in WRONG.iter().chain(&WRONG_TOGETHER) {
        let mut world = World::new().await;
        settings.iter().for_each(|(key, literal)| world.set(key, literal));
        let (checked, faults) = check(&world);
        assert_eq!(checked.status.code(), Some(2), "{settings:?}");
        let said = |fault: &&Value| {
            let of = |field: &str| fault[field].as_str().unwrap_or_default().to_owned();
            (of("what").contains(expected.what) || of("file").contains(expected.what))
                && format!("{} {}", of("what"), of("suggestion")).contains(expected.suggestion)
        };
        let fault = faults.iter().find(said).unwrap_or_else(|| panic!("{settings:?}: {faults:#?}"));
        if !expected.at.is_empty() {
            let file = read(&world.config());
            let line = file.lines().position(|line| line.starts_with(expected.at)).unwrap() + 1;
            assert_eq!(fault["line"], json!(line), "{settings:?}: {fault}");
        }
        assert_eq!(faults.len(), 1, "{settings:?}: {faults:#?}");
        let refused = world.command(&["run"]);
        assert_eq!(refused.status.code(), Some(2), "{settings:?}");
        assert!(text(&refused.stderr).contains(expected.what), "{}", text(&refused.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_all_parts_are_told_together() {
    let mut world = World::new().await;
    // a provider that is none names no time-out; a shop is held against the rest once it can be read
    let apart = [
        "api.listen",
        "api.tokens.ops",
        "api.proxy",
        "service.roles",
        "outgoing.outcomes",
        "restraint.switches",
        "providers.mail.kind",
        "shop.providers.email",
        "shop.providers.sms",
        "shop.locale",
        "shop.country",
        "shop.thresholds.silence",
    ];
    let together = || WRONG.iter().filter(|(settings, _)| !apart.contains(&settings[0].0));
    together().for_each(|(settings, _)| world.set(settings[0].0, settings[0].1));
    let (_, faults) = check(&world);
    let all = serde_json::to_string(&faults).unwrap();
    for (settings, expected) in together().filter(|(settings, _)| settings[0].0 != "providers.mail.api_key.file") {
        assert!(all.contains(expected.what), "{settings:?} is not among {faults:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_serves_nobody_and_an_empty_secret_is_none() {
    let mut world = World::new().await;
    for channel in ["email", "sms", "webhook"] {
        world.unset(&format!("shop.providers.{channel}"));
    }
    assert!(check(&world).1[0]["what"].as_str().unwrap().contains("names no provider"));
    let mut world = World::new().await;
    world.unset("shops.named.lumen.name");
    assert!(check(&world).1[0]["what"].as_str().unwrap().contains("no shop is served"));
    let world = World::new().await;
    std::fs::write(world.folder.path().join("token"), " \n").unwrap();
    let (_, faults) = check(&world);
    assert_eq!(faults.len(), 2, "both providers that need it: {faults:?}");
    assert!(faults.iter().all(|fault| fault["what"].as_str().unwrap().contains("is empty")));
}

/// A secret where its file or its variable should be named: refused, and not repeated.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_never_printed() {
    for literal in ["'re_live_Geheim'", "{ value = 're_live_Geheim' }", "{ file = ['re_live_Geheim'] }"] {
        let mut world = World::new().await;
        world.unset("providers.mail.api_key.file");
        world.set("providers.mail.api_key", literal);
        let (checked, faults) = check(&world);
        assert_eq!((checked.status.code(), faults.len()), (Some(2), 1));
        for printed in [world.command(&["check"]), world.command(&["run"]), checked] {
            let all = format!("{}{}", text(&printed.stdout), text(&printed.stderr));
            assert!(!all.contains("Geheim") && all.contains("providers.mail"), "{all}");
        }
    }
    let world = World::new().await;
    std::fs::write(world.folder.path().join("token"), "re_live_\u{7f}Geheim").unwrap();
    let checked = world.command(&["check"]);
    assert!(!text(&checked.stderr).contains("Geheim") && checked.status.code() == Some(2));
    let settings = reassure::config::Settings::load(Some(&World::new().await.config())).unwrap();
    assert!(!format!("{settings:?}").contains("the-token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_stand_over_the_file() {
    let world = World::new().await;
    let with = |name: &str, value: &str| {
        let checked = std::process::Command::new(env!("CARGO_BIN_EXE_reassure"))
            .args(["check", "--config"])
            .arg(world.config())
            .env(name, value)
            .output()
            .unwrap();
        (checked.status.code(), text(&checked.stderr))
    };
    for (name, value) in [
        ("REASSURE__BUS__GROUP", "another"),
        // a text that looks like a number is a text where one is wanted
        ("REASSURE__BUS__GROUP", "42"),
        ("REASSURE__SHOP__SENDER__SMS", "33612345678"),
        ("REASSURE__BUS__TOPICS", "a,b"),
        ("REASSURE__DISPATCH__LEASE_SECONDS", "30"),
        ("REASSURE__PROVIDERS__MAIL__MAX_IN_FLIGHT", "5"),
    ] {
        assert_eq!(with(name, value), (Some(0), String::new()), "{name}={value}");
    }
    let (code, told) = with("REASSURE__DISPATCH__LEASE_SECONDS", "3");
    assert!(code == Some(2) && told.contains("environment variable REASSURE__DISPATCH__LEASE_SECONDS"), "{told}");
    let (code, told) = with("REASSURE__BUS__GRUOP", "a");
    assert!(code == Some(2) && told.contains("REASSURE__BUS__GRUOP") && told.contains("'group'"), "{told}");
    let (code, told) = with("REASSURE__NOTHING__OF__OURS", "a");
    assert!(code == Some(2) && told.contains("no section 'nothing'"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_keep_their_case_and_their_dots() {
    let mut world = World::new().await;
    world.set("shops.named.'Maison.Lumen FR'.name", "'Maison'");
    let told = text(&world.command(&["check"]).stdout);
    assert!(told.contains("Maison.Lumen FR"), "{told}");
    let settings = reassure::config::Settings::load(Some(&world.config())).unwrap();
    assert_eq!(settings.bus.properties["heartbeat.interval.ms"], "100");
}

#[test]
fn a_file_that_is_not_there_or_no_toml_is_told() {
    let run = |arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_reassure")).args(arguments).output().unwrap()
    };
    let missing = run(&["check", "--config", "/nowhere/reassure.toml"]);
    assert!(missing.status.code() == Some(2) && text(&missing.stderr).contains("/nowhere/reassure.toml"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[bus]\nbrokers = \"a\n").unwrap();
    let broken = run(&["check", "--config", file.path().to_str().unwrap()]);
    assert!(broken.status.code() == Some(2) && text(&broken.stderr).contains(":2"), "{}", text(&broken.stderr));
    for shell in ["bash", "zsh", "fish"] {
        let completions = run(&["completions", shell]);
        assert!(completions.status.success() && text(&completions.stdout).contains("redrive"), "{shell}");
    }
    assert_eq!(run(&["teleport"]).status.code(), Some(2));
}
