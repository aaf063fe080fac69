//! `privacy`: what is known of a customer, told or forgotten.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::{NOT_FOUND, Opened, WRONG, opened_with_all, say};
use crate::app;
use crate::clock::Clock;
use crate::privacy::{self, Whose, Wish};
use crate::telemetry::Metrics;

#[derive(Subcommand)]
pub enum Command {
    /// Print all that is known of a customer, or of one order, with a receipt.
    Export(Person),
    /// Forget a customer, or the customer of one order, with what was written to them.
    Erase {
        #[command(flatten)]
        person: Person,
        /// Do it; without this it is only told what there is.
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Args)]
pub struct Person {
    /// The shop, as events name it.
    shop: String,
    /// The shop's own id of the customer: all their orders.
    #[arg(long, value_name = "ID", required_unless_present = "order", conflicts_with = "order")]
    customer: Option<String>,
    /// One order, such as that of a guest.
    #[arg(long, value_name = "ID")]
    order: Option<String>,
    /// Who carries it out, for the receipt.
    #[arg(long, env = "USER", default_value = "unknown", value_name = "NAME")]
    by: String,
}

impl Person {
    fn wish(self) -> Option<Wish> {
        let whose = self.customer.map(Whose::Customer).or(self.order.map(Whose::Order))?;
        Some(Wish { shop: self.shop, whose, by: format!("command:{}", self.by), at: Clock::system().now() })
    }
}

/// Prints JSON: the receipt, and what is exported.
///
/// # Errors
/// If the store cannot be read or written.
pub fn privacy(config: Option<&Path>, command: Command) -> anyhow::Result<ExitCode> {
    let Opened { config: loaded, runtime, store } = match opened_with_all(config)? {
        Ok(opened) => opened,
        Err(code) => return Ok(code),
    };
    let (person, erases, yes) = match command {
        Command::Export(person) => (person, false, true),
        Command::Erase { person, yes } => (person, true, yes),
    };
    let Some(wish) = person.wish() else { return Ok(ExitCode::from(WRONG)) };
    if erases && yes {
        let outlet = app::outlet(&loaded.settings.outgoing, &Metrics::new().context("the metrics")?);
        let erased = runtime.block_on(privacy::erase(&store, &loaded.shops, &outlet, &wish))?;
        let Some(receipt) = erased else { return Ok(nothing()) };
        say(&serde_json::to_string_pretty(&receipt)?);
        return Ok(ExitCode::SUCCESS);
    }
    let Some((receipt, told)) = runtime.block_on(privacy::export(&*store, &wish))? else { return Ok(nothing()) };
    if erases {
        let counts = receipt.counts;
        eprintln!(
            "reassure: this forgets {} orders with {} messages, {} of which have not left; say --yes to do it",
            counts.orders, counts.contents, counts.unsent
        );
        return Ok(ExitCode::from(WRONG));
    }
    say(&serde_json::to_string_pretty(&told)?);
    Ok(ExitCode::SUCCESS)
}

fn nothing() -> ExitCode {
    eprintln!("reassure: nothing is known of them");
    ExitCode::from(NOT_FOUND)
}
