//! What customers have been told, as rows: under a keyed hash of their contact, from which nobody
//! without the key finds the contact again.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::columns;
use crate::domain::party::Party;
use crate::domain::spending::{Addressee, Spending};
use crate::domain::time::Timestamp;
use crate::ports::{Spent, StoreError};

/// The key of the hashes; each store draws its own when it is made.
#[derive(Clone)]
pub(super) struct Pseudonyms(Hmac<Sha256>);

impl Pseudonyms {
    pub fn new(key: &[u8]) -> Result<Self, StoreError> {
        let keyed = Hmac::new_from_slice(key);
        keyed.map(Self).map_err(|_| StoreError::Corrupt("the key of the pseudonyms: of no use".to_owned()))
    }

    /// The row of a customer, from 1 on. So few bits tell customers apart well enough, and tell nobody more.
    pub fn row(&self, addressee: &Addressee) -> i64 {
        let mut digest = self.0.clone();
        for part in [&*addressee.shop, &*addressee.contact] {
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        let digest = digest.finalize().into_bytes();
        let beginning = digest.iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        i64::try_from(beginning >> 1).unwrap_or(i64::MAX).max(1)
    }
}

/// What is to be written of a customer.
pub(super) struct Row {
    pub id: i64,
    pub expected: Option<String>,
    pub body: String,
    /// When they were told something last, in milliseconds.
    pub last_ms: i64,
}

pub(super) fn row(spent: &Spent, pseudonyms: &Pseudonyms) -> Result<Row, StoreError> {
    Ok(Row {
        id: pseudonyms.row(&spent.addressee),
        expected: spent.expected.as_ref().map(body).transpose()?,
        body: body(&spent.spending)?,
        last_ms: spent.spending.last().map_or(0, Timestamp::millis),
    })
}

/// The same for what is the same, so that it can be compared as text.
fn body(spending: &Spending) -> Result<String, StoreError> {
    let millis = |times: &[Timestamp]| times.iter().map(|at| at.millis()).collect::<Vec<i64>>();
    let orders: Vec<(&str, Party, Vec<i64>)> =
        spending.iter().map(|(order, to, times)| (order, to, millis(times))).collect();
    columns::json("what a customer was told", &orders)
}

pub(super) fn read(body: &str) -> Result<Spending, StoreError> {
    let orders: Vec<(String, Party, Vec<i64>)> = columns::from_json("what a customer was told", body)?;
    let moments = |times: Vec<i64>| times.into_iter().map(Timestamp::from_millis).collect();
    Ok(orders.into_iter().map(|(order, to, times)| ((order, to), moments(times))).collect())
}
