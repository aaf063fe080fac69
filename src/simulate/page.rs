//! The report as one page: everything in it, nothing from the network.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::report::Report;
use crate::domain::decision::Reason;

const PAGE: &str = include_str!("page.html");
/// Where the report goes.
const PLACE: &str = "/* the report */ null";
/// Where it is said what its reasons mean.
const WORDS: &str = "/* the words */ null";
/// Where it is said which script may run: this one alone, and it may ask nobody.
const SCRIPT: &str = "/* the script */";

/// The page of a report.
///
/// # Errors
/// None at present; that of the JSON writer.
pub fn html(report: &Report) -> serde_json::Result<String> {
    // within a script, no text of the report may end it
    let json = serde_json::to_string(report)?.replace('<', "\\u003c").replace("\u{2028}", "\\u2028");
    let words: BTreeMap<&str, &str> = Reason::ALL.map(|reason| (reason.as_str(), reason.in_words())).into();
    let page = PAGE.replacen(WORDS, &serde_json::to_string(&words)?, 1).replacen(PLACE, &json, 1);
    let script = page.split_once("<script>").and_then(|(_, rest)| rest.split_once("</script>")).unwrap_or_default().0;
    let digest = STANDARD.encode(Sha256::digest(script));
    Ok(page.replacen(SCRIPT, &format!("sha256-{digest}"), 1))
}
