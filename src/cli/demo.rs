//! `demo`.
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Options {}

pub fn demo(_: Options) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
