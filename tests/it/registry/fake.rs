//! A stand-in that speaks the documented API of Confluent's schema registry, and misbehaves on
//! request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How it answers.
#[derive(Clone, Debug, Default)]
pub enum Mood {
    #[default]
    Answer,
    /// This status and this text, whatever is asked.
    Say(u16, String),
    /// Only after so long.
    Slow(Duration),
}

#[derive(Default)]
struct World {
    /// Answers by path.
    answers: HashMap<String, Value>,
    mood: Mood,
    /// The answer to all other paths, in place of what a registry says of a schema it lacks.
    otherwise: Option<(u16, String)>,
    /// The paths asked for, and what authorised each.
    asked: Vec<(String, Option<String>)>,
}

/// A registry on a port of its own. It ends with this.
pub struct Fake {
    pub url: String,
    world: Arc<Mutex<World>>,
    server: JoinHandle<()>,
}

impl Fake {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // a path of its own, as Apicurio has it
        let url = format!("http://{}/apis/ccompat/v7", listener.local_addr().unwrap());
        let world = Arc::<Mutex<World>>::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&world));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, world, server }
    }

    pub fn put(&self, path: &str, answer: Value) {
        self.world.lock().unwrap().answers.insert(format!("/apis/ccompat/v7{path}"), answer);
    }

    /// Registers a schema under a number.
    pub fn register(&self, id: u32, schema: &Value) {
        self.put(&format!("/schemas/ids/{id}"), json!({ "schema": schema.to_string() }));
    }

    pub fn set(&self, mood: Mood) {
        self.world.lock().unwrap().mood = mood;
    }

    /// Answers so where nothing is registered.
    pub fn unknown_paths(&self, status: u16, text: &str) {
        self.world.lock().unwrap().otherwise = Some((status, text.to_owned()));
    }

    /// The paths asked for so far, below its own.
    pub fn asked(&self) -> Vec<String> {
        let world = self.world.lock().unwrap();
        world.asked.iter().map(|(path, _)| path.trim_start_matches("/apis/ccompat/v7").to_owned()).collect()
    }

    /// What authorised the last question.
    pub fn authorised(&self) -> Option<String> {
        self.world.lock().unwrap().asked.last()?.1.clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(world): State<Arc<Mutex<World>>>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let authorised = request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let (mood, found, otherwise) = {
        let mut world = world.lock().unwrap();
        world.asked.push((path.clone(), authorised));
        (world.mood.clone(), world.answers.get(&path).cloned(), world.otherwise.clone())
    };
    if let Mood::Slow(span) = mood {
        tokio::time::sleep(span).await;
    }
    let (status, text) = match (mood, found) {
        (Mood::Say(status, text), _) => (status, text),
        (_, Some(found)) => (200, found.to_string()),
        (_, None) => otherwise
            .unwrap_or_else(|| (404, json!({ "error_code": 40403, "message": "Schema not found" }).to_string())),
    };
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header(header::CONTENT_TYPE, "application/vnd.schemaregistry.v1+json")
        .body(Body::from(text))
        .unwrap()
}
