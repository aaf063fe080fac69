//! What operators watch: metrics by their specification, dashboards and alerts that ask for nothing else, and
//! drills in which a real Prometheus rings because something is really wrong.

mod dashboards;
mod drill;
mod exposition;
mod lines;
mod picture;
mod prometheus;
mod query;
mod rules;
mod run;
mod specification;
