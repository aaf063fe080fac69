//! The contract on PostgreSQL, and what only a server that many share can suffer.

mod faults;
mod replicas;
mod weeks;

super::contract::suite!(crate::store::place::Place::schema());
