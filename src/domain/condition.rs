//! Conditions in CEL.
#[derive(Debug)]
pub struct Condition;
