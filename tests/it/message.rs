//! What customers read.

mod snapshots;
