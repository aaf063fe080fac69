//! The pure middle, as stories, tables and properties. Nothing here waits or sends.

mod story;

mod contact;
mod delays;

mod parser;
mod pickup;
mod properties;
mod waiting;
