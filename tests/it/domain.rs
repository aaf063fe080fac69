//! The pure middle, as stories, tables and properties. Nothing here waits or sends.

pub mod story;

mod bounds;
mod budget;
mod bulk;
mod confirmation;
mod contact;
mod delays;
mod facts;
mod folding;
mod leave;

mod journeys;
mod parser;
mod pickup;
mod properties;
mod restraint;
mod waiting;
