//! What is known of a customer, told or forgotten: operations both, since what is told is personal.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};

use super::access::Caller;
use super::guard::Object;
use super::{Facts, problem, unreadable};
use crate::privacy::{self, Failure, Whose, Wish};

type Asked = Result<Path<(String, String)>, PathRejection>;

pub fn routes() -> Router<Facts> {
    Router::new()
        .route("/api/customers/{shop}/{customer}/export", post(export_customer))
        .route("/api/customers/{shop}/{customer}/erase", post(erase_customer))
        .route("/api/journeys/{shop}/{order}/export", post(export_order))
        .route("/api/journeys/{shop}/{order}/erase", post(erase_order))
}

async fn export_customer(state: State<Facts>, caller: Extension<Caller>, asked: Asked) -> Response {
    export(state, caller, asked, Whose::Customer).await
}

async fn export_order(state: State<Facts>, caller: Extension<Caller>, asked: Asked) -> Response {
    export(state, caller, asked, Whose::Order).await
}

async fn erase_customer(state: State<Facts>, caller: Extension<Caller>, asked: Asked) -> Response {
    erase(state, caller, asked, Whose::Customer).await
}

async fn erase_order(state: State<Facts>, caller: Extension<Caller>, asked: Asked) -> Response {
    erase(state, caller, asked, Whose::Order).await
}

async fn export(
    State(facts): State<Facts>,
    Extension(caller): Extension<Caller>,
    asked: Asked,
    whose: fn(String) -> Whose,
) -> Response {
    let Ok(wish) = wish(&facts, caller, asked, whose) else { return unreadable() };
    match privacy::export(&*facts.store, &wish).await {
        Ok(Some((receipt, told))) => (Extension(Object(receipt.receipt)), Json(told)).into_response(),
        Ok(None) => nothing(),
        Err(failure) => failed(&failure),
    }
}

async fn erase(
    State(facts): State<Facts>,
    Extension(caller): Extension<Caller>,
    asked: Asked,
    whose: fn(String) -> Whose,
) -> Response {
    let Ok(wish) = wish(&facts, caller, asked, whose) else { return unreadable() };
    match privacy::erase(&facts.store, &facts.shops.get(), &facts.outlet, &wish).await {
        Ok(Some(receipt)) => (Extension(Object(receipt.receipt.clone())), Json(receipt)).into_response(),
        Ok(None) => nothing(),
        Err(failure) => failed(&failure),
    }
}

fn wish(facts: &Facts, caller: Caller, asked: Asked, whose: fn(String) -> Whose) -> Result<Wish, PathRejection> {
    let Path((shop, id)) = asked?;
    Ok(Wish { shop, whose: whose(id), by: caller.name, at: facts.clock.now() })
}

fn nothing() -> Response {
    problem(StatusCode::NOT_FOUND, "nothing is known of them", "no order of that shop names them")
}

fn failed(failure: &Failure) -> Response {
    let status = match failure {
        Failure::Unserved => StatusCode::CONFLICT,
        Failure::Busy | Failure::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    problem(status, "it was not done", &failure.to_string())
}
