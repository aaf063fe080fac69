//! The reference page of the metrics.

use std::fmt::Write as _;

use super::specification::{FAMILIES, Kind, OTHER, Values};

/// The page, as Markdown.
pub fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         What `/metrics` shows. Names and labels are stable; a label takes its values from the configuration or from\n\
         a closed list, never from an order, a customer or an event.\n\n\
         | metric | labels | meaning | alerts |\n| --- | --- | --- | --- |\n",
    );
    for family in FAMILIES {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{}`", label.name)).collect();
        let buckets = match family.kind {
            Kind::Histogram(buckets) => {
                let buckets: Vec<String> = buckets.iter().map(ToString::to_string).collect();
                format!("; buckets {}", buckets.join(", "))
            }
            Kind::Counter | Kind::Gauge => String::new(),
        };
        let alerts: Vec<String> =
            family.alerts.iter().map(|it| format!("[{it}](../helm/reassure/runbooks/{it}.md)")).collect();
        let (name, kind, help) = (family.name, family.kind.as_str(), family.help);
        let (labels, alerts) = (labels.join(", "), alerts.join(", "));
        let _ = writeln!(page, "| `{name}` {kind} | {labels} | {help}{buckets} | {alerts} |");
    }
    page.push_str("\n## Labels\n\n| label | of | values |\n| --- | --- | --- |\n");
    let mut rows: Vec<(&str, String, Vec<&str>)> = Vec::new();
    for family in FAMILIES {
        for label in family.labels {
            let values = in_words(label.values);
            match rows.iter_mut().find(|(name, known, _)| *name == label.name && *known == values) {
                Some((.., families)) => families.push(family.name),
                None => rows.push((label.name, values, vec![family.name])),
            }
        }
    }
    rows.sort();
    for (name, values, families) in rows {
        let families: Vec<String> = families.iter().map(|it| format!("`{it}`")).collect();
        let _ = writeln!(page, "| `{name}` | {} | {values} |", families.join(", "));
    }
    page
}

fn in_words(values: Values) -> String {
    match values {
        Values::Words(words) => words().iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Values::Codes(what) => what.to_owned(),
        Values::Names(what, most) => format!("{what}, at most {most}; what comes after them is `{OTHER}`"),
        Values::Present(what) => format!("{what}, as it is now"),
    }
}
