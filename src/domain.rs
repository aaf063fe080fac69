//! The pure middle: what is known, what follows from it, and what is to be said. No I/O, no
//! clock, no randomness; time is an argument.

pub mod apply;
pub mod calendar;
pub mod concern;
pub mod condition;
pub mod confirmation;
pub mod contact;
pub mod decision;
pub mod event;
pub mod fault;
pub mod journey;
pub mod note;
pub mod notification;
pub mod order;
pub mod parcel;
pub mod party;
pub mod personal;
pub mod quiet;
pub mod reasons;
pub mod receipt;
pub mod restraint;
pub mod retry;
pub mod rule;
pub mod schedule;
pub mod shop;
pub mod spending;
pub mod step;
pub mod storm;
pub mod threshold;
pub mod time;
pub mod view;
pub mod written;
pub mod zone;
