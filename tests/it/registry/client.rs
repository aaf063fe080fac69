//! One question and its answer.

use std::time::Duration;

use reassure::ports::{Registered, Registry, RegistryError, SchemaId};
use reassure::registry::{HttpRegistry, Settings};
use reassure::secret::SecretSource;
use serde_json::{Value, json};

use super::fake::{Fake, Mood};

pub fn settings(url: &str) -> Settings {
    Settings {
        url: Some(url.to_owned()),
        user: None,
        password: None,
        token: None,
        certificates: None,
        timeout_seconds: 5,
        schemas: 10,
    }
}

pub fn client(settings: &Settings) -> HttpRegistry {
    HttpRegistry::new(settings).unwrap().expect("a url")
}

async fn ask(fake: &Fake, id: SchemaId) -> Result<Registered, RegistryError> {
    client(&settings(&fake.url)).schema(id).await
}

const SEVEN: SchemaId = SchemaId::Number(7);

#[tokio::test]
async fn a_schema_is_asked_for_by_number_or_guid() {
    let fake = Fake::start().await;
    fake.register(7, &json!("string"));
    let guid =
        SchemaId::Guid([0x89, 0x79, 0x17, 0x62, 0x23, 0x36, 0x41, 0x86, 0x96, 0x74, 0x29, 0x9b, 0x90, 0xa8, 2, 0xe2]);
    let path = "/schemas/guids/89791762-2336-4186-9674-299b90a802e2";
    fake.put(path, json!({ "schema": "{}", "schemaType": "JSON", "references": [] }));
    let found = ask(&fake, SEVEN).await.unwrap();
    assert_eq!((&*found.kind, &*found.text), ("AVRO", "\"string\""));
    assert_eq!(ask(&fake, guid).await.unwrap().kind, "JSON");
    assert_eq!(fake.asked(), ["/schemas/ids/7", path]);
}

/// A schema refers to A and B, and both to C: C comes first, and once.
#[tokio::test]
async fn what_it_refers_to_comes_before_it() {
    let fake = Fake::start().await;
    let refers = |names: &[&str]| -> Value {
        names.iter().map(|name| json!({ "name": name, "subject": format!("shop/{name}"), "version": 2 })).collect()
    };
    fake.put("/schemas/ids/7", json!({ "schema": "whole", "references": refers(&["a", "b"]) }));
    for (name, references) in [("a", refers(&["c"])), ("b", refers(&["c"])), ("c", refers(&[]))] {
        fake.put(&format!("/subjects/shop%2F{name}/versions/2"), json!({ "schema": name, "references": references }));
    }
    assert_eq!(ask(&fake, SEVEN).await.unwrap().references, ["c", "a", "b"]);
    assert_eq!(fake.asked().len(), 4);

    // that each refers to the other ends too
    fake.put("/subjects/shop%2Fc/versions/2", json!({ "schema": "c", "references": refers(&["a"]) }));
    assert_eq!(ask(&fake, SEVEN).await.unwrap().references.len(), 3);

    let many: Vec<String> = (0..100).map(|number| format!("n{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    many.iter().for_each(|name| fake.put(&format!("/subjects/shop%2F{name}/versions/2"), json!({ "schema": "x" })));
    fake.put("/schemas/ids/7", json!({ "schema": "whole", "references": refers(&many) }));
    assert!(matches!(ask(&fake, SEVEN).await, Err(RegistryError::Unreadable(what)) if what.contains("64")));
}

/// Only what the registry itself says is not there is missing; all else may pass.
#[tokio::test]
async fn what_goes_wrong_is_an_outage_unless_the_registry_says_otherwise() {
    let fake = Fake::start().await;
    assert_eq!(ask(&fake, SEVEN).await, Err(RegistryError::Missing));
    let code = |code: u32| json!({ "error_code": code, "message": "no" }).to_string();
    for (status, text) in [
        (500, code(50001)),
        (503, String::new()),
        (401, code(40101)),
        (403, code(40301)),
        (404, code(404)),
        (404, "<html>no such page</html>".to_owned()),
        (429, String::new()),
        (200, "<html>welcome</html>".to_owned()),
        (200, "{}".to_owned()),
        (200, "{\"schema\": 7}".to_owned()),
        (302, String::new()),
        (500, "x".repeat(2 * 1024 * 1024)),
    ] {
        fake.set(Mood::Say(status, text));
        let answer = ask(&fake, SEVEN).await;
        assert!(matches!(answer, Err(RegistryError::Unavailable(_))), "{status}: {answer:?}");
    }
    fake.set(Mood::Say(200, json!({ "schema": "x".repeat(2 * 1024 * 1024) }).to_string()));
    assert!(matches!(ask(&fake, SEVEN).await, Err(RegistryError::Unreadable(_))));
    let nowhere = client(&settings("http://127.0.0.1:1"));
    assert_eq!(nowhere.schema(SEVEN).await, Err(RegistryError::Unavailable("it cannot be reached".to_owned())));
}

/// A registry from before GUIDs says so as it does of any path, and as a wrong address would.
#[tokio::test]
async fn a_registry_without_guids_has_none_of_them() {
    let fake = Fake::start().await;
    let guid = SchemaId::Guid([7; 16]);
    fake.unknown_paths(404, "");
    assert!(matches!(ask(&fake, guid).await, Err(RegistryError::Unavailable(_))));
    fake.put("/schemas/types", json!(["AVRO", "JSON"]));
    assert_eq!(ask(&fake, guid).await, Err(RegistryError::Missing));
    assert!(matches!(ask(&fake, SEVEN).await, Err(RegistryError::Unavailable(_))));
}

#[tokio::test]
async fn a_slow_registry_is_not_waited_for() {
    let fake = Fake::start().await;
    fake.set(Mood::Slow(Duration::from_secs(600)));
    let client = client(&Settings { timeout_seconds: 1, ..settings(&fake.url) });
    assert_eq!(client.schema(SEVEN).await, Err(RegistryError::Unavailable("it takes too long".to_owned())));
}

#[tokio::test]
async fn it_is_asked_with_a_password_or_a_token() {
    let fake = Fake::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "open-sesame\n").unwrap();
    let secret = Some(SecretSource::File(file.display().to_string()));
    let plain = settings(&fake.url);
    let named = Settings { user: Some("reassure".to_owned()), password: secret.clone(), ..plain.clone() };
    let borne = Settings { token: secret.clone(), ..plain.clone() };
    for (settings, expected) in
        [(&plain, None), (&named, Some("Basic cmVhc3N1cmU6b3Blbi1zZXNhbWU=")), (&borne, Some("Bearer open-sesame"))]
    {
        assert_eq!(client(settings).schema(SEVEN).await, Err(RegistryError::Missing));
        assert_eq!(fake.authorised().as_deref(), expected);
    }
    let fault = |settings: Settings| HttpRegistry::new(&settings).err().expect("a fault").0;
    assert_eq!(fault(Settings { token: secret.clone(), ..named.clone() }), "token");
    assert_eq!(fault(Settings { password: None, ..named.clone() }), "user");
    assert_eq!(fault(Settings { user: None, ..named }), "password");
    assert_eq!(fault(Settings { url: Some("registry:8081".to_owned()), ..plain.clone() }), "url");
    assert_eq!(fault(Settings { timeout_seconds: 0, ..plain.clone() }), "timeout_seconds");
    assert_eq!(fault(Settings { certificates: Some("/nowhere".to_owned()), ..plain.clone() }), "certificates");
    assert!(HttpRegistry::new(&Settings { url: None, ..plain }).unwrap().is_none());
}
