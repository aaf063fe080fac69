//! Draws a dashboard from its own JSON and what Prometheus answers: for the README, and to be looked at where there
//! is no Grafana. Panels stand where Grafana would put them; what they look like is ours.

use std::fmt::Write as _;

use serde_json::Value;

use super::dashboards::panels;

const COLUMN: f64 = 50.0;
const LINE: f64 = 28.0;
const HEAD: f64 = 64.0;
const COLOURS: [&str; 10] =
    ["#3b7dd8", "#e08a1e", "#3f9c5a", "#c8434b", "#8a63c9", "#2aa5a5", "#b0693a", "#d05fa2", "#7f8c9a", "#a9a12a"];
const STYLE: &str = "
:root{--ground:#f4f5f7;--panel:#fff;--edge:#dfe3e8;--text:#1f2933;--faint:#68727d;--rule:#e9ecef}
@media (prefers-color-scheme:dark){:root{--ground:#14171a;--panel:#1d2125;--edge:#31373d;--text:#e4e7eb;--faint:#9aa5b1;--rule:#2a3036}}
text{font:12px system-ui,sans-serif;fill:var(--text)}.faint{fill:var(--faint);font-size:10px}.title{font-weight:600}
.head{font-size:22px;font-weight:600}.row{font-size:14px;font-weight:600}.great{font-size:34px;font-weight:600}
.panel{fill:var(--panel);stroke:var(--edge)}.rule{stroke:var(--rule)}.line{fill:none;stroke-width:1.3;stroke-linejoin:round}";

/// An answer over time, with its name.
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// Reads an answer of Prometheus, named as the panel says.
    pub fn read(answer: &Value, legend: &str) -> Self {
        let mut name = legend.to_owned();
        for (label, value) in answer["metric"].as_object().into_iter().flatten() {
            name = name.replace(&format!("{{{{{label}}}}}"), value.as_str().unwrap_or_default());
        }
        let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or(f64::NAN);
        let points = answer["values"].as_array().into_iter().flatten();
        let points = points.map(|point| (point[0].as_f64().unwrap_or_default(), number(&point[1])));
        Self { name, points: points.filter(|(_, value)| value.is_finite()).collect() }
    }

    fn last(&self) -> f64 {
        self.points.last().map_or(0.0, |(_, value)| *value)
    }
}

/// Where something is drawn.
#[derive(Clone, Copy)]
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Area {
    fn of(panel: &Value) -> Self {
        let of = |field: &str| panel["gridPos"][field].as_f64().unwrap();
        Self {
            left: 8.0 + of("x") * COLUMN,
            top: HEAD + of("y") * LINE,
            width: of("w") * COLUMN - 8.0,
            height: of("h") * LINE - 8.0,
        }
    }
}

/// What both axes span.
struct Scale {
    area: Area,
    begin: f64,
    end: f64,
    least: f64,
    most: f64,
}

impl Scale {
    fn x(&self, at: f64) -> f64 {
        self.area.left + (at - self.begin) / (self.end - self.begin).max(1.0) * self.area.width
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.least) / (self.most - self.least);
        self.area.top + self.area.height - share.clamp(0.0, 1.0) * self.area.height
    }
}

/// The whole dashboard as SVG; `answers` has those to each panel in turn, `span` is the time shown.
pub fn draw(dashboard: &Value, answers: &[Vec<Series>], span: (f64, f64)) -> String {
    let bottom = |panel: &Value| Area::of(panel).top + Area::of(panel).height;
    let height = panels(dashboard).map(bottom).fold(HEAD, f64::max) + 12.0;
    let width = 24.0 * COLUMN + 8.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\
         <style>{STYLE}</style><rect width=\"100%\" height=\"100%\" style=\"fill:var(--ground)\"/>\n"
    );
    text(&mut out, 12.0, 28.0, "head", dashboard["title"].as_str().unwrap());
    text(&mut out, 12.0, 48.0, "faint", dashboard["description"].as_str().unwrap());
    for (panel, series) in panels(dashboard).zip(answers) {
        let area = Area::of(panel);
        let title = panel["title"].as_str().unwrap();
        if panel["type"] == "row" {
            text(&mut out, area.left + 4.0, area.top + 16.0, "row", title);
            continue;
        }
        let Area { left, top, width, height } = area;
        let _ = writeln!(
            out,
            "<rect class=\"panel\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"4\"/>"
        );
        text(&mut out, left + 10.0, top + 18.0, "title", title);
        let defaults = &panel["fieldConfig"]["defaults"];
        let unit = defaults["unit"].as_str().unwrap_or("short");
        match panel["type"].as_str() {
            Some("stat") => stat(&mut out, area, series, defaults, unit, span),
            Some("bargauge") => bars(&mut out, area, series, unit),
            _ => lines(&mut out, area, series, defaults, unit, span),
        }
    }
    out.push_str("</svg>\n");
    out
}

fn stat(out: &mut String, area: Area, series: &[Series], defaults: &Value, unit: &str, span: (f64, f64)) {
    let Some(one) = series.first() else { return nothing(out, area) };
    let value = one.last();
    let mut steps = defaults["thresholds"]["steps"].as_array().into_iter().flatten();
    let colour = steps.rfind(|step| step["value"].as_f64().is_none_or(|from| value >= from));
    let colour = match colour.and_then(|step| step["color"].as_str()) {
        Some("red") => COLOURS[3],
        Some("orange") => COLOURS[1],
        _ => COLOURS[2],
    };
    let most = one.points.iter().map(|(_, value)| *value).fold(1e-9, f64::max);
    let below =
        Area { left: area.left + 1.0, top: area.top + area.height - 30.0, width: area.width - 2.0, height: 29.0 };
    let scale = Scale { area: below, begin: span.0, end: span.1, least: 0.0, most };
    let path = path_of(&scale, &one.points);
    let _ = writeln!(out, "<polyline class=\"line\" stroke=\"{colour}\" opacity=\".5\" points=\"{path}\"/>");
    let (x, y, shown) = (area.left + 12.0, area.top + 58.0, in_unit(value, unit));
    let _ = writeln!(out, "<text class=\"great\" x=\"{x}\" y=\"{y}\" style=\"fill:{colour}\">{shown}</text>");
}

fn bars(out: &mut String, area: Area, series: &[Series], unit: &str) {
    let mut bars: Vec<(&str, f64)> = series.iter().map(|one| (one.name.as_str(), one.last())).collect();
    bars.sort_by(|a, b| b.1.total_cmp(&a.1));
    if bars.is_empty() {
        return nothing(out, area);
    }
    let most = bars[0].1.max(1e-9);
    let (begin, room) = (area.left + 140.0, area.width - 200.0);
    for (row, (name, value)) in bars.iter().enumerate().take(8) {
        let y = area.top + 36.0 + 21.0 * f64::from(u32::try_from(row).unwrap());
        text(out, area.left + 12.0, y + 11.0, "", &shortened(name, 20));
        let width = (value / most * room).max(1.0).round();
        let _ =
            writeln!(out, "<rect x=\"{begin}\" y=\"{y}\" width=\"{width}\" height=\"14\" fill=\"{}\"/>", COLOURS[0]);
        text(out, begin + width + 6.0, y + 11.0, "faint", &in_unit(*value, unit));
    }
}

fn lines(out: &mut String, area: Area, series: &[Series], defaults: &Value, unit: &str, span: (f64, f64)) {
    let is_stacked = defaults["custom"]["stacking"]["mode"] == "normal";
    let is_step = defaults["custom"]["lineInterpolation"] == "stepAfter";
    let inner =
        Area { left: area.left + 52.0, top: area.top + 30.0, width: area.width - 64.0, height: area.height - 68.0 };
    if series.iter().all(|one| one.points.is_empty()) {
        return nothing(out, area);
    }
    let layers = if is_stacked { stacked(series) } else { series.iter().map(|one| one.points.clone()).collect() };
    let highest = layers.iter().flatten().map(|(_, value)| *value).fold(0.0, f64::max);
    let most = defaults["max"].as_f64().unwrap_or(if highest > 0.0 { highest * 1.08 } else { 1.0 });
    let scale = Scale { area: inner, begin: span.0, end: span.1, least: 0.0, most };
    let right = inner.left + inner.width;
    for share in [0.0, 0.5, 1.0] {
        let y = scale.y(most * share).round();
        let _ = writeln!(out, "<path class=\"rule\" d=\"M{} {y}H{right}\"/>", inner.left);
        text_at_end(out, inner.left - 6.0, y + 3.0, &in_unit(most * share, unit));
    }
    for share in [0.0, 0.5, 1.0] {
        let ago = ((1.0 - share) * (span.1 - span.0)).round();
        let label = if ago == 0.0 { "now".to_owned() } else { format!("-{}", in_unit(ago, "s")) };
        text_at_end(out, inner.left + share * inner.width + 8.0, inner.top + inner.height + 13.0, &label);
    }
    for (index, layer) in layers.iter().enumerate().rev() {
        let colour = COLOURS[index % COLOURS.len()];
        let points = if is_step { stepped(layer) } else { layer.clone() };
        let path = path_of(&scale, &points);
        if is_stacked && !points.is_empty() {
            let base = inner.top + inner.height;
            let (first, last) = (scale.x(points[0].0).round(), scale.x(points[points.len() - 1].0).round());
            let _ = writeln!(
                out,
                "<polygon fill=\"{colour}\" opacity=\".85\" points=\"{first},{base} {path} {last},{base}\"/>"
            );
        } else {
            let _ = writeln!(out, "<polyline class=\"line\" stroke=\"{colour}\" points=\"{path}\"/>");
        }
    }
    let (mut x, y) = (area.left + 12.0, area.top + area.height - 9.0);
    for (index, one) in series.iter().enumerate() {
        let name = shortened(&one.name, 26);
        let width = 16.0 + 6.0 * f64::from(u32::try_from(name.chars().count()).unwrap());
        if x + width > area.left + area.width - 8.0 {
            text(out, x, y, "faint", "…");
            break;
        }
        let _ = writeln!(
            out,
            "<circle cx=\"{}\" cy=\"{}\" r=\"3.5\" fill=\"{}\"/>",
            x + 3.0,
            y - 3.0,
            COLOURS[index % COLOURS.len()]
        );
        text(out, x + 10.0, y, "faint", &name);
        x += width;
    }
}

fn nothing(out: &mut String, area: Area) {
    text(out, area.left + 12.0, area.top + area.height / 2.0 + 8.0, "faint", "no data");
}

/// Each series on top of those before it.
fn stacked(series: &[Series]) -> Vec<Vec<(f64, f64)>> {
    let mut floor: std::collections::BTreeMap<i64, f64> = std::collections::BTreeMap::new();
    let mut layers = Vec::new();
    for one in series {
        let mut layer = Vec::new();
        for (at, value) in &one.points {
            #[allow(clippy::cast_possible_truncation, reason = "whole milliseconds")]
            let below = floor.entry((at * 1_000.0) as i64).or_default();
            *below += value;
            layer.push((*at, *below));
        }
        layers.push(layer);
    }
    layers
}

fn stepped(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (at, value) in points {
        if let Some((_, before)) = steps.last().copied().filter(|(_, before)| before != value) {
            steps.push((*at, before));
        }
        steps.push((*at, *value));
    }
    steps
}

fn path_of(scale: &Scale, points: &[(f64, f64)]) -> String {
    let points = points.iter().map(|(at, value)| format!("{:.0},{:.1}", scale.x(*at), scale.y(*value)));
    points.collect::<Vec<_>>().join(" ")
}

/// A number as people read it.
fn in_unit(value: f64, unit: &str) -> String {
    let plain = |value: f64| match value.abs() {
        v if v >= 1e6 => format!("{:.1} M", value / 1e6),
        v if v >= 1e4 => format!("{:.0} k", value / 1e3),
        v if v >= 100.0 || v == 0.0 || (v >= 1.0 && v.fract() == 0.0) => format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.1}"),
        v if v >= 0.01 => format!("{value:.2}"),
        _ => format!("{value:.1e}"),
    };
    match unit {
        "percentunit" => format!("{} %", plain((value * 10_000.0).round() / 100.0)),
        "bytes" if value >= 1e9 => format!("{} GiB", plain(value / f64::from(1 << 30))),
        "bytes" => format!("{} MiB", plain(value / f64::from(1 << 20))),
        "s" if value >= 7_200.0 => format!("{} h", plain(value / 3_600.0)),
        "s" if value >= 120.0 => format!("{} min", plain(value / 60.0)),
        "s" if value < 1.0 && value > 0.0 => format!("{} ms", plain(value * 1_000.0)),
        "s" => format!("{} s", plain(value)),
        "ops" => format!("{}/s", plain(value)),
        _ => plain(value),
    }
}

fn shortened(name: &str, most: usize) -> String {
    if name.chars().count() <= most { name.to_owned() } else { name.chars().take(most - 1).collect::<String>() + "…" }
}

fn text(out: &mut String, x: f64, y: f64, class: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(out, "<text class=\"{class}\" x=\"{x:.0}\" y=\"{y:.0}\">{words}</text>");
}

fn text_at_end(out: &mut String, x: f64, y: f64, words: &str) {
    let _ = writeln!(out, "<text class=\"faint\" text-anchor=\"end\" x=\"{x:.0}\" y=\"{y:.0}\">{words}</text>");
}
