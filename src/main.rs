//! The command line: what can be asked of the binary. What each command does is in [`reassure::cli`].

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use reassure::cli;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Few arenas, and what is free goes back within a second: memory is worth more than the last
/// percent of speed.
#[unsafe(export_name = "malloc_conf")]
static ALLOCATION: &[u8] = b"narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0\0";

/// Tells the buyers of a shop what happens to their orders: events in from Kafka, the right
/// message out by e-mail, SMS and webhook.
#[derive(Parser)]
#[command(
    version,
    about,
    max_term_width = 100,
    after_help = "Exit status: 0 done; 1 it failed; 2 the call or the configuration is wrong; 3 nothing was found."
)]
struct Arguments {
    /// The operator's configuration, over the defaults.
    #[arg(long, short, global = true, env = "REASSURE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
    /// A page; of `simulate` alone.
    Html,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service until SIGTERM.
    Run,
    /// Make the store, or bring it up to date, and end; `run` does the same at its start.
    Migrate,
    /// Play a sample shop through the whole service, with everything it needs built in.
    Demo(cli::demo::Options),
    /// Look at configuration, rules, templates and adapters, and report every fault.
    Check,
    /// Try the rules before they touch a customer.
    Rules {
        #[command(subcommand)]
        command: cli::rules::Command,
    },
    /// Show which events the payload of a platform or a carrier becomes.
    Adapt(cli::adapt::Options),
    /// Tell an order's story: what happened, what was decided and why, what was sent.
    Lookup {
        /// The shop, as events name it.
        shop: String,
        /// The order's id.
        order: String,
        /// Also rules whose condition did not hold.
        #[arg(long)]
        all: bool,
    },
    /// Explain a decision: its conditions with every value, and what would have had to differ.
    Explain(cli::explain::Options),
    /// Tell what would have been sent: rules over recorded events, under a virtual clock.
    Simulate(cli::simulate::Options),
    /// List the orders whose confirmation no provider has accepted within its objective.
    Unconfirmed(cli::unconfirmed::Options),
    /// Rules that speak far more often than ever are held: see which, release or drop what is held.
    Storms {
        #[command(subcommand)]
        command: cli::storms::Command,
    },
    /// What waits for a person: records that could not be read, messages that could not be sent.
    Dlq {
        #[command(subcommand)]
        command: cli::dlq::Command,
    },
    /// What is known of a customer: told to them, or forgotten.
    Privacy {
        #[command(subcommand)]
        command: cli::privacy::Command,
    },
    /// Print the completions of a shell.
    Completions { shell: clap_complete::Shell },
    /// Write the generated schemas, or tell which are stale.
    #[command(hide = true)]
    Schemas {
        /// The folder.
        #[arg(default_value = "schemas")]
        folder: PathBuf,
        /// Only tell what is stale.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let says = |argument| matches.value_source(argument) == Some(ValueSource::CommandLine);
    if matches!(arguments.command, Command::Demo(_)) && (says("config") || says("output")) {
        eprintln!("reassure: 'demo' brings its own configuration and tells its story as text; leave -c and -o out");
        return ExitCode::from(cli::WRONG);
    }
    let config = arguments.config.as_deref();
    let json = arguments.output == Output::Json;
    if arguments.output == Output::Html && !matches!(arguments.command, Command::Simulate(_)) {
        eprintln!("reassure: only 'simulate' makes a page; -o text and -o json are for all");
        return ExitCode::from(cli::WRONG);
    }
    let result = match arguments.command {
        Command::Run => cli::run::run(config),
        Command::Migrate => cli::migrate::migrate(config, json),
        Command::Demo(options) => cli::demo::demo(options),
        Command::Check => cli::check::check(config, json),
        Command::Rules { command } => cli::rules::rules(config, command, json),
        Command::Adapt(options) => cli::adapt::adapt(config, &options, json),
        Command::Lookup { shop, order, all } => cli::lookup::lookup(config, shop, order, all, json),
        Command::Explain(options) => cli::explain::explain(config, options, json),
        Command::Simulate(options) => {
            let form = match arguments.output {
                Output::Text => cli::simulate::Form::Text,
                Output::Json => cli::simulate::Form::Json,
                Output::Html => cli::simulate::Form::Html,
            };
            cli::simulate::simulate(config, &options, form)
        }
        Command::Unconfirmed(options) => cli::unconfirmed::unconfirmed(config, &options, json),
        Command::Storms { command } => cli::storms::storms(config, &command, json),
        Command::Dlq { command } => cli::dlq::dlq(config, command, json),
        Command::Privacy { command } => cli::privacy::privacy(config, command),
        Command::Completions { shell } => {
            // it would panic where whoever reads ends sooner, such as `head`
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "reassure", &mut script);
            let _ = std::io::stdout().write_all(&script);
            Ok(ExitCode::SUCCESS)
        }
        Command::Schemas { folder, check } => cli::check::schemas(&folder, check),
    };
    result.unwrap_or_else(|error| {
        eprintln!("reassure: {error:#}");
        ExitCode::FAILURE
    })
}
