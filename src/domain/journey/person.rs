//! What of a journey tells who its customer is: the part that is forgotten at their wish, and that
//! a store may keep sealed until then.

use serde::{Deserialize, Serialize};

use super::Journey;
use crate::domain::order::{Address, Customer, Gift};
use crate::domain::personal::Personal;

/// Who the customer is, apart from the journey.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// Without the shop's id, by which the order is found.
    customer: Customer,
    name: Option<Personal>,
    lines: Vec<Personal>,
    recipient_name: Option<Personal>,
    /// For whom it is.
    recipient: Option<Customer>,
    /// It opens the order's page for whoever has it, as shops give to guests.
    order_url: Option<String>,
    /// Of every scan, and then of every parcel, in their order.
    delivered_to: Vec<Option<Personal>>,
}

impl Journey {
    /// Takes away who the customer is; what was bought and when stays.
    pub fn take_person(&mut self) -> Person {
        let customer = &mut self.order.customer;
        let id = customer.id.take();
        let customer = std::mem::replace(customer, Customer { id, ..Customer::default() });
        let address = self.order.delivery.address.as_mut();
        let (name, lines) = address.map(take_addressee).unwrap_or_default();
        let (recipient_name, recipient) = self.order.gift.as_mut().map(take_recipient).unwrap_or_default();
        Person {
            customer,
            name,
            lines,
            recipient_name,
            recipient,
            order_url: self.order.order_url.take(),
            delivered_to: self.delivered_to().map(|place| place.take().map(Personal)).collect(),
        }
    }

    /// Gives back what [`Self::take_person`] has taken of this journey, unchanged since.
    pub fn give_person(&mut self, person: Person) {
        let customer = &mut self.order.customer;
        let id = customer.id.take();
        *customer = Customer { id, ..person.customer };
        if let Some(address) = &mut self.order.delivery.address {
            (address.name, address.lines) = (person.name, person.lines);
        }
        if let Some(gift) = &mut self.order.gift {
            (gift.recipient_name, gift.recipient) = (person.recipient_name, person.recipient);
        }
        if person.order_url.is_some() {
            self.order.order_url = person.order_url;
        }
        for (place, known) in self.delivered_to().zip(person.delivered_to) {
            *place = known.map(|Personal(text)| text);
        }
    }

    /// To whom, or where, each parcel was handed over.
    fn delivered_to(&mut self) -> impl Iterator<Item = &mut Option<String>> {
        self.parcels.iter_mut().flat_map(|parcel| {
            let of_scans = parcel.scans.iter_mut().map(|scan| &mut scan.delivered_to);
            of_scans.chain([&mut parcel.delivered_to])
        })
    }
}

/// Who lives there, and where in the town.
pub(in crate::domain) fn take_addressee(address: &mut Address) -> (Option<Personal>, Vec<Personal>) {
    (address.name.take(), std::mem::take(&mut address.lines))
}

/// For whom a present is, and how to reach them.
pub(in crate::domain) fn take_recipient(gift: &mut Gift) -> (Option<Personal>, Option<Customer>) {
    (gift.recipient_name.take(), gift.recipient.take())
}
