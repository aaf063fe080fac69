//! The shop of the stories, on what every shop inherits.

use reassure::domain::shop::Shop;
use serde_json::{Value, json};

/// The tests' shop.
pub fn shop() -> Shop {
    shop_with(json!({}))
}

/// The same with `changes` laid over it, on what every shop inherits.
pub fn shop_with(changes: Value) -> Shop {
    let mut defaults: Value = toml::from_str(include_str!("../../../config/default.toml")).expect("the defaults");
    let mut shop = defaults["shop"].take();
    lay(own_shop(), &mut shop);
    lay(changes, &mut shop);
    serde_json::from_value(shop).expect("a shop")
}

fn own_shop() -> Value {
    json!({
        "name": "Atelier", "locale": "fr", "time_zone": "Europe/Paris", "country": "FR",
        "sender": { "email": "bonjour@atelier.example", "email_name": "Atelier", "reply_to": null, "sms": "Atelier" },
        "contact": { "email": null, "phone": null, "hours": null, "help_url": null },
        "brand": { "color": "#2f5d50", "logo_url": null, "home_url": "https://atelier.example" },
        "legal": { "seller": "Atelier SAS", "withdrawal_days": 14, "terms_url": null, "returns_url": null },
        "packaging": null, "quiet_hours": { "sms": "none" },
        "providers": { "email": "mail", "sms": "text", "webhook": "shop" }
    })
}

/// Lays tables over tables, key by key.
pub fn lay(over: Value, under: &mut Value) {
    match (over, under) {
        (Value::Object(over), Value::Object(under)) => {
            for (key, value) in over {
                lay(value, under.entry(key).or_insert(Value::Null));
            }
        }
        (over, under) => *under = over,
    }
}
