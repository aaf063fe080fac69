//! The pure middle, as stories, tables and properties. Nothing here waits or sends.

mod shop;
pub mod story;

mod bounds;
mod budget;
mod bulk;
mod calendar;
mod concerns;
mod confirmation;
mod contact;
mod deadlines;
mod delays;
mod escalation;
mod facts;
mod folding;
mod leave;
mod limits;

mod journeys;
mod parser;
mod party;
mod pickup;
mod properties;
mod quiet;
mod receipts;
mod restraint;
mod storm;
mod waiting;
