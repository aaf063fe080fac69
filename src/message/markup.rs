//! What mail clients read out of a letter: the order and its parcel as schema.org JSON-LD.
//!
//! Built in code, since a template would have to get the commas of optional fields right, and
//! the escaping of JSON within HTML.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError, RenderErrorReason,
};
use serde_json::{Map, Value, json};

/// `{{markup "Order"}}` or `{{markup "ParcelDelivery"}}`, within the `script` element.
pub struct Markup;

pub const NAME: &str = "markup";

impl HelperDef for Markup {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let scene = context.data();
        let document = match helper.param(0).and_then(|param| param.value().as_str()) {
            Some("Order") => order(scene),
            Some("ParcelDelivery") => parcel_delivery(scene),
            _ => return Err(RenderError::from(RenderErrorReason::ParamNotFoundForIndex(NAME, 0))),
        };
        out.write(&within_script(&document))?;
        Ok(())
    }
}

/// JSON that cannot end the `script` element it stands in, whatever its strings hold.
pub fn within_script(document: &Value) -> String {
    let text = document.to_string();
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            c => safe.push(c),
        }
    }
    safe
}

/// An object of the fields that are there.
fn object(kind: &str, fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    let mut object = Map::new();
    object.insert("@type".to_owned(), kind.into());
    object.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Value::Object(object)
}

fn at(scene: &Value, pointer: &str) -> Option<Value> {
    scene.pointer(pointer).cloned()
}

fn organization(scene: &Value) -> Value {
    object("Organization", [("name", at(scene, "/shop/name")), ("url", at(scene, "/shop/home_url"))])
}

fn product(item: &Value) -> Value {
    object("Product", [("name", at(item, "/name")), ("image", at(item, "/image_url"))])
}

fn address(place: &Value) -> Value {
    let street = place.get("lines").and_then(Value::as_array).map(|lines| {
        let lines: Vec<_> = lines.iter().filter_map(Value::as_str).collect();
        Value::String(lines.join(", "))
    });
    object(
        "PostalAddress",
        [
            ("name", at(place, "/name")),
            ("streetAddress", street),
            ("postalCode", at(place, "/postal_code")),
            ("addressLocality", at(place, "/city")),
            ("addressCountry", at(place, "/country")),
        ],
    )
}

fn order(scene: &Value) -> Value {
    let offer = |item: &Value| {
        let quantity = object("QuantitativeValue", [("value", at(item, "/quantity"))]);
        object(
            "Offer",
            [
                ("itemOffered", Some(product(item))),
                ("price", at(item, "/unit_price/amount")),
                ("priceCurrency", at(item, "/unit_price/currency")),
                ("eligibleQuantity", Some(quantity)),
            ],
        )
    };
    let offers = scene.pointer("/order/items").and_then(Value::as_array).into_iter().flatten().map(offer);
    let customer = object("Person", [("name", at(scene, "/customer/name"))]);
    with_context(object(
        "Order",
        [
            ("merchant", Some(organization(scene))),
            ("orderNumber", at(scene, "/order/id")),
            ("orderStatus", Some("https://schema.org/OrderProcessing".into())),
            ("orderDate", at(scene, "/order/placed_at")),
            ("priceCurrency", at(scene, "/order/totals/total/currency")),
            ("price", at(scene, "/order/totals/total/amount")),
            ("customer", scene.pointer("/customer/name").map(|_| customer)),
            ("url", at(scene, "/order/url")),
            ("acceptedOffer", Some(offers.collect())),
        ],
    ))
}

fn parcel_delivery(scene: &Value) -> Value {
    let parts = scene.pointer("/shipment/items").or_else(|| scene.pointer("/order/items"));
    let items = parts.and_then(Value::as_array).into_iter().flatten().map(product);
    let order = object(
        "Order",
        [
            ("orderNumber", at(scene, "/order/id")),
            ("merchant", Some(organization(scene))),
            ("url", at(scene, "/order/url")),
        ],
    );
    let place = scene.pointer("/order/delivery/point/address").or_else(|| scene.pointer("/order/delivery/address"));
    let carrier = object("Organization", [("name", at(scene, "/parcel/carrier"))]);
    with_context(object(
        "ParcelDelivery",
        [
            ("deliveryAddress", place.map(address)),
            ("expectedArrivalFrom", at(scene, "/arrival/earliest")),
            ("expectedArrivalUntil", at(scene, "/arrival/latest")),
            ("carrier", scene.pointer("/parcel").map(|_| carrier)),
            ("trackingNumber", at(scene, "/parcel/tracking_number")),
            ("trackingUrl", at(scene, "/parcel/tracking_url")),
            ("itemShipped", Some(items.collect())),
            ("partOfOrder", Some(order)),
        ],
    ))
}

fn with_context(mut document: Value) -> Value {
    document["@context"] = json!("https://schema.org");
    document
}
