//! The helpers by which templates show what is not plain text.

use std::rc::Rc;

use chrono::{NaiveDate, Timelike};
use chrono_tz::Tz;
use handlebars::{Context, Handlebars, Helper, HelperDef, RenderContext, RenderError, RenderErrorReason, ScopedJson};
use serde_json::Value;

use super::{Formats, formats};
use crate::domain::order::Amount;
use crate::domain::time::{Timestamp, Window};

/// How the value of a helper's first parameter is shown.
type Show = fn(&Formats, Tz, &Value) -> Option<String>;

const SHOWN: [(&str, Show); 8] = [
    ("date", |formats, zone, value| formats.date(day_of(value, zone)?)),
    ("day", |formats, zone, value| formats.day(day_of(value, zone)?)),
    ("day_short", |formats, zone, value| formats.day_short(day_of(value, zone)?)),
    ("time", |formats, zone, value| {
        let moment = Timestamp::parse(value.as_str()?).ok()?.in_zone(zone);
        formats.time(moment.hour(), moment.minute())
    }),
    ("clock", |formats, _, value| {
        let (hour, minute) = value.as_str()?.split_once(':')?;
        formats.time(hour.parse().ok()?, minute.parse().ok()?)
    }),
    ("window", |formats, zone, value| formats.window(window_of(value)?, zone, false)),
    ("window_short", |formats, zone, value| formats.window(window_of(value)?, zone, true)),
    ("money", |formats, _, value| {
        let amount = Amount::parse(value.get("amount")?.as_str()?).ok()?;
        Some(formats.money(amount, value.get("currency")?.as_str()?))
    }),
];

/// Every helper of ours, for the check of templates.
pub const NAMES: [&str; 9] = ["date", "day", "day_short", "time", "clock", "window", "window_short", "money", "plural"];

/// Makes the helpers known to `registry`.
pub fn register(registry: &mut Handlebars<'static>) {
    for (name, show) in SHOWN {
        registry.register_helper(name, Box::new(Shown { name, show }));
    }
    registry.register_helper("plural", Box::new(Plural));
}

struct Shown {
    name: &'static str,
    show: Show,
}

impl HelperDef for Shown {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let param = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex(self.name, 0))?;
        if param.is_value_missing() {
            return Err(RenderError::strict_error(param.relative_path()));
        }
        let (formats, zone) = ambient(context)?;
        // the value itself stays out of the error: it may be personal
        let unfit = || RenderErrorReason::Other(format!("'{}' cannot show a value of this kind", self.name));
        let shown = (self.show)(&formats, zone, param.value()).ok_or_else(unfit)?;
        Ok(ScopedJson::Derived(Value::String(shown)))
    }
}

/// `{{plural order.count one="article" other="articles"}}`
struct Plural;

impl HelperDef for Plural {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let count = helper.param(0).and_then(|param| param.value().as_u64());
        let count = count.ok_or(RenderErrorReason::ParamNotFoundForIndex("plural", 0))?;
        let category = ambient(context)?.0.plural(count);
        let form = helper.hash_get(category).or_else(|| helper.hash_get("other"));
        let form = form.ok_or(RenderErrorReason::ParamNotFoundForName("plural", "other".to_owned()))?;
        Ok(ScopedJson::Derived(form.value().clone()))
    }
}

/// The locale and the zone of the letter.
fn ambient(context: &Context) -> Result<(Rc<Formats>, Tz), RenderError> {
    let data = context.data();
    let locale = data.get("locale").and_then(Value::as_str).unwrap_or("en");
    let zone = data.get("zone").and_then(Value::as_str).and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC);
    let formats = formats(locale).ok_or_else(|| RenderErrorReason::Other("no formats for any locale".to_owned()))?;
    Ok((formats, zone))
}

fn day_of(value: &Value, zone: Tz) -> Option<NaiveDate> {
    let text = value.as_str()?;
    // a bare day is the same everywhere
    if text.len() == 10 {
        return text.parse().ok();
    }
    Some(Timestamp::parse(text).ok()?.day_in(zone))
}

fn window_of(value: &Value) -> Option<Window> {
    let end = |name| Timestamp::parse(value.get(name)?.as_str()?).ok();
    Some(Window { earliest: end("earliest")?, latest: end("latest")? })
}
