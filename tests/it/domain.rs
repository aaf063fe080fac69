//! The pure middle, as stories, tables and properties. Nothing here waits or sends.

mod shop;
pub mod story;

mod bounds;
mod budget;
mod bulk;
mod calendar;
mod confirmation;
mod contact;
mod deadlines;
mod delays;
mod facts;
mod folding;
mod leave;

mod journeys;
mod parser;
mod pickup;
mod properties;
mod quiet;
mod restraint;
mod storm;
mod waiting;
