//! What a vendor must say of itself, and what is done alike for all of them.

use std::time::Duration;

use async_trait::async_trait;

use super::answer;
use super::exchange::{Exchange, Reply};
use crate::domain::order::Channel;
use crate::domain::time::Timestamp;
use crate::ports::{Answer, OnUnknown, Outgoing, Provider, Receipts};

/// What differs from vendor to vendor.
pub(super) trait Contract: Send + Sync + 'static {
    fn channel(&self) -> Channel;

    /// The message as this vendor wants it; an answer at once if it can never be sent.
    fn request(&self, exchange: &Exchange, outgoing: &Outgoing<'_>) -> Result<reqwest::RequestBuilder, Answer>;

    /// What the vendor's reply means.
    fn classify(&self, reply: &Reply, now: Timestamp) -> Answer;

    /// Reads the vendor's receipts, where the configuration has what verifies them.
    fn receipts(&self) -> Option<&dyn Receipts> {
        None
    }
}

/// A contract with the name, the deadlines and the policy that the configuration gives it.
pub(super) struct Endpoint<C> {
    pub name: String,
    pub on_unknown: OnUnknown,
    pub exchange: Exchange,
    pub contract: C,
}

#[async_trait]
impl<C: Contract> Provider for Endpoint<C> {
    fn name(&self) -> &str {
        &self.name
    }

    fn channel(&self) -> Channel {
        self.contract.channel()
    }

    fn on_unknown(&self) -> OnUnknown {
        self.on_unknown
    }

    fn timeout(&self) -> Duration {
        self.exchange.timeout
    }

    async fn send(&self, outgoing: Outgoing<'_>) -> Answer {
        if outgoing.content.channel() != self.contract.channel() {
            return answer::never_sent("wrong_channel");
        }
        let request = match self.contract.request(&self.exchange, &outgoing) {
            Ok(request) => request,
            Err(answer) => return answer,
        };
        match self.exchange.carry_out(request, &outgoing).await {
            Ok(reply) => self.contract.classify(&reply, outgoing.now),
            Err(answer) => answer,
        }
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        self.contract.receipts()
    }
}
