//! Who buys in the sample shop, what, and where it goes. Nobody here exists.

use serde_json::{Value, json};

#[derive(Clone)]
pub struct Buyer {
    id: String,
    name: &'static str,
    email: Option<&'static str>,
    phone: Option<&'static str>,
    locale: &'static str,
    zone: &'static str,
    city: [&'static str; 3],
}

impl Buyer {
    pub fn as_customer(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "email": self.email, "phone": self.phone,
            "locale": self.locale, "time_zone": self.zone,
        })
    }

    pub fn without_contact(&self) -> Self {
        Self { email: None, phone: None, ..self.clone() }
    }

    /// The same person under another account.
    pub fn named(&self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self.clone() }
    }
}

pub fn buyers() -> [Buyer; 10] {
    let paris = |id: &str, name, email, phone, city| Buyer {
        id: id.to_owned(),
        name,
        email: Some(email),
        phone: Some(phone),
        locale: "fr",
        zone: "Europe/Paris",
        city,
    };
    let london = |id: &str, name, email, phone, city| Buyer {
        id: id.to_owned(),
        name,
        email,
        phone: Some(phone),
        locale: "en-GB",
        zone: "Europe/London",
        city,
    };
    [
        paris(
            "claire",
            "Claire Fontanel",
            "claire.fontanel@client.example",
            "06 39 98 00 01",
            ["7 rue des Tanneurs", "69001", "Lyon"],
        ),
        paris(
            "lucas",
            "Lucas Perrin",
            "lucas.perrin@client.example",
            "06 39 98 00 02",
            ["18 cours Gambetta", "34000", "Montpellier"],
        ),
        paris(
            "awa",
            "Awa Diallo",
            "awa.diallo@client.example",
            "06 39 98 00 03",
            ["2 place du Marché", "59800", "Lille"],
        ),
        paris(
            "hugo",
            "Hugo L’Hostis",
            "hugo.lhostis@client.example",
            "06 39 98 00 04",
            ["5 venelle du Port", "29200", "Brest"],
        ),
        london(
            "grace",
            "Grace Okafor",
            Some("grace.okafor@client.example"),
            "07700 900101",
            ["31 Mill Lane", "BS1 4QA", "Bristol"],
        ),
        london(
            "tom",
            "Tom Ashdown",
            Some("tom.ashdown@client.example"),
            "07700 900102",
            ["8 Castle Row", "EH1 2NG", "Edinburgh"],
        ),
        london(
            "priya",
            "Priya Raman",
            Some("priya.raman@client.example"),
            "07700 900103",
            ["77 Harbour Street", "L3 4AA", "Liverpool"],
        ),
        london(
            "noa",
            "Noa Winter",
            Some("noa.winter@client.example"),
            "07700 900104",
            ["12 Orchard Close", "CB2 1TN", "Cambridge"],
        ),
        Buyer {
            id: "luce".to_owned(),
            name: "Luce Tremblay",
            email: Some("luce.tremblay@client.example"),
            phone: Some("+1 514 555 0142"),
            locale: "fr-CA",
            zone: "America/Montreal",
            city: ["220, rue des Érables", "H2X 1Y4", "Montréal"],
        },
        london("sam", "Sam Ellery", None, "07700 900105", ["4 Quay Side", "NE1 3DX", "Newcastle"]),
    ]
}

/// The data of `order.placed`.
pub fn order(shop: &str, order: &str, buyer: &Buyer, goods: Value) -> Value {
    let (currency, country, tax, label) = match shop {
        "maison-lumen" => ("EUR", "FR", 20, "TVA 20 %"),
        "lumen-goods" => ("GBP", "GB", 20, "VAT 20%"),
        _ => ("CAD", "CA", 15, "TPS et TVQ"),
    };
    let cents: i64 = goods.as_array().into_iter().flatten().map(line_cents).sum();
    let shipping = 490;
    let total = cents + shipping;
    let money = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
    json!({
        "shop": shop,
        "order_id": order,
        "customer": buyer.as_customer(),
        "currency": currency,
        "items": goods,
        "totals": {
            "items": money(cents), "shipping": money(shipping), "discount": "0.00",
            "taxes": [{ "label": label, "amount": money(total * tax / (100 + tax)) }], "total": money(total),
        },
        "delivery": {
            "method": "home", "service": "Standard",
            "address": { "name": buyer.name, "lines": [buyer.city[0]], "postal_code": buyer.city[1], "city": buyer.city[2], "country": country },
        },
        "order_url": format!("https://{shop}.example/orders/{order}"),
    })
}

fn line_cents(item: &Value) -> i64 {
    let price: f64 = item["unit_price"].as_str().and_then(|price| price.parse().ok()).unwrap_or_default();
    #[allow(clippy::cast_possible_truncation, reason = "prices of a sample shop")]
    let cents = (price * 100.0).round() as i64;
    cents * item["quantity"].as_i64().unwrap_or_default()
}

pub fn to_point(shop: &str) -> Value {
    json!({ "method": "pickup_point", "service": "Point relais", "point": point(shop) })
}

pub fn to_store() -> Value {
    json!({ "method": "store", "service": "Retrait en magasin", "point": store() })
}

pub fn express() -> Value {
    json!({
        "method": "home", "service": "Next day by noon", "express": true,
        "address": { "name": "Priya Raman", "lines": ["77 Harbour Street"], "postal_code": "L3 4AA", "city": "Liverpool", "country": "GB" },
    })
}

pub fn point(shop: &str) -> Value {
    let (name, lines, code, city, country) = match shop {
        "maison-lumen" => ("Tabac de la Fontaine", "3 place de la Fontaine", "34000", "Montpellier", "FR"),
        _ => ("Corner Post Office", "1 High Street", "BS1 1AA", "Bristol", "GB"),
    };
    json!({
        "id": "P-77", "name": name,
        "address": { "lines": [lines], "postal_code": code, "city": city, "country": country },
        "opening_hours": hours("08:30", "19:00"),
        "map_url": "https://carte.example/p-77",
    })
}

pub fn store() -> Value {
    json!({
        "id": "M-2", "name": "Maison Lumen Lille",
        "address": { "lines": ["10 rue de Béthune"], "postal_code": "59800", "city": "Lille", "country": "FR" },
        "opening_hours": hours("10:00", "19:00"),
    })
}

fn hours(opens: &str, closes: &str) -> Value {
    ["tuesday", "wednesday", "thursday", "friday", "saturday"]
        .map(|day| json!({ "day": day, "opens": opens, "closes": closes }))
        .into_iter()
        .collect()
}

/// What the shops sell.
pub mod items {
    use serde_json::{Value, json};

    fn item(sku: &str, name: &str, variant: Option<&str>, quantity: u32, price: &str, more: Value) -> Value {
        let mut item = json!({
            "sku": sku, "name": name, "variant": variant, "quantity": quantity, "unit_price": price,
            "image_url": format!("https://images.example/{}.jpg", sku.to_lowercase()), "image_alt": name,
        });
        if let (Some(item), Some(more)) = (item.as_object_mut(), more.as_object()) {
            item.extend(more.clone());
        }
        item
    }

    fn one_lamp() -> Value {
        let usage = json!({
            "category": "lighting", "warranty_months": 24, "guide_url": "https://maison-lumen.example/guides/lampe",
            "usage": "Dépoussiérez l’abat-jour avec un chiffon sec ; ampoule E27 de 40 W au plus.",
        });
        item("LAMPE-01", "Lampe Aube", Some("laiton"), 1, "145.00", usage)
    }

    fn two_cushions() -> Value {
        item("COUSSIN-02", "Coussin Brume", Some("bleu nuit"), 2, "29.50", json!({ "category": "textile" }))
    }

    pub fn lamp() -> Value {
        json!([one_lamp()])
    }

    pub fn cushions() -> Value {
        json!([two_cushions()])
    }

    pub fn lamp_and_cushions() -> Value {
        json!([one_lamp(), two_cushions()])
    }

    pub fn cheese() -> Value {
        json!([item(
            "FROMAGE-03",
            "Plateau d’alpage",
            None,
            1,
            "38.00",
            json!({ "category": "food", "perishable": true, "cold_chain": true, "best_before": "2026-03-24" })
        )])
    }

    pub fn table() -> Value {
        json!([item(
            "TABLE-04",
            "Table Chêne",
            Some("180 cm"),
            1,
            "690.00",
            json!({ "category": "furniture", "bulky": true, "warranty_months": 60 })
        )])
    }

    pub fn necklace() -> Value {
        json!([item(
            "NECKLACE-05",
            "Dew necklace",
            Some("silver"),
            1,
            "420.00",
            json!({ "category": "jewellery", "warranty_months": 12 })
        )])
    }

    pub fn teapot() -> Value {
        json!([item(
            "TEAPOT-06",
            "Harbour teapot",
            Some("1.2 l"),
            1,
            "54.00",
            json!({
                "category": "kitchen", "usage": "Rinse with warm water before first use; not for the dishwasher.",
            })
        )])
    }

    pub fn blanket() -> Value {
        json!([item("BLANKET-07", "Couverture Boréale", Some("laine"), 1, "180.00", json!({ "category": "textile" }))])
    }
}
