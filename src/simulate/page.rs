//! The report as one page: everything in it, nothing from the network.

use super::report::Report;

const PAGE: &str = include_str!("page.html");
/// Where the report goes.
const PLACE: &str = "/* the report */ null";

/// The page of a report.
///
/// # Errors
/// None at present; that of the JSON writer.
pub fn html(report: &Report) -> serde_json::Result<String> {
    // within a script, no text of the report may end it
    let json = serde_json::to_string(report)?.replace('<', "\\u003c").replace("\u{2028}", "\\u2028");
    Ok(PAGE.replacen(PLACE, &json, 1))
}
