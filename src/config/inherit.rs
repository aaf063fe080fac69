//! What a shop says of itself, over what every shop says.

use serde_json::Value;

use super::reader::Reader;
use crate::domain::fault::nearest;
use crate::domain::shop::Shop;

/// The key under which a shop lists what it does not inherit.
const UNSET: &str = "unset";

/// Reads the shop `id`: `own` over `base`, without what it unsets.
pub(super) fn shop(reader: &mut Reader<'_>, id: &str, base: &Value, own: &Value) -> Option<Shop> {
    let (mut base, mut own) = (base.clone(), own.clone());
    let unset = own.as_object_mut().and_then(|own| own.remove(UNSET));
    let names: Vec<String> = reader.part(&["shops", "named", id, UNSET], unset.unwrap_or(Value::Array(Vec::new())))?;
    let before = reader.faults.len();
    for name in names {
        if !take(&mut base, &name) {
            let what = format!("shops.named.{id}.{UNSET}: '{name}' is not inherited");
            let fault = reader.source.fault(&["shops", "named", id, UNSET], what);
            let known = settings(&base, "");
            reader.faults.push(match nearest(&name, known.iter().map(String::as_str)) {
                Some(near) => fault.suggest(format!("did you mean '{near}'?")),
                None => fault.suggest("name settings of [shop] that are set, such as \"providers.sms\""),
            });
        }
    }
    let shop = reader.part(&["shops", "named", id], merged(&base, &own));
    shop.filter(|_| reader.faults.len() == before)
}

/// Takes the setting of that dotted name out; `false` if it is not there.
fn take(base: &mut Value, name: &str) -> bool {
    let (table, key) = name.rsplit_once('.').map_or(("", name), |(table, key)| (table, key));
    let table = table.split('.').filter(|part| !part.is_empty()).try_fold(base, |at, part| at.get_mut(part));
    table.and_then(Value::as_object_mut).is_some_and(|table| table.remove(key).is_some())
}

/// The dotted names of all that is set below.
fn settings(value: &Value, above: &str) -> Vec<String> {
    let named = |key: &String| if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
    let table = value.as_object().into_iter().flatten();
    table
        .flat_map(|(key, value)| match value {
            Value::Object(_) => settings(value, &named(key)),
            _ => vec![named(key)],
        })
        .collect()
}

/// `own` over `base`, tables merged key by key.
fn merged(base: &Value, own: &Value) -> Value {
    match (base, own) {
        (Value::Object(base), Value::Object(own)) => {
            let mut all = base.clone();
            for (key, value) in own {
                let merged = base.get(key).map_or_else(|| value.clone(), |below| merged(below, value));
                all.insert(key.clone(), merged);
            }
            Value::Object(all)
        }
        _ => own.clone(),
    }
}
