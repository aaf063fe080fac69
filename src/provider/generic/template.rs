//! The templates of a request. They are tried when the provider is built, on a message full of
//! what breaks carelessly written ones, so that none fails on a customer's.

use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason};
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::domain::decision::NotificationId;
use crate::domain::notification::{Content, Email, Sms, Webhook};
use crate::domain::order::Channel;
use crate::domain::time::Timestamp;
use crate::ports::Outgoing;

const BODY: &str = "body";

pub(super) struct Templates {
    registry: Handlebars<'static>,
    headers: Vec<HeaderName>,
}

pub(super) struct Rendered {
    pub body: String,
    pub headers: Vec<(HeaderName, String)>,
}

impl Templates {
    /// # Errors
    /// What is wrong with the templates, in words for whoever wrote them.
    pub fn new(channel: Channel, body: &str, headers: &[(HeaderName, &str)]) -> Result<Self, Vec<String>> {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(handlebars::no_escape);
        registry.register_helper("json", Box::new(write_json));
        registry.register_helper("form", Box::new(write_form));
        let mut faults = Vec::new();
        let sources = std::iter::once((BODY.to_owned(), body))
            .chain(headers.iter().map(|(name, text)| (header_template(name), *text)));
        for (name, text) in sources {
            if let Err(error) = registry.register_template_string(&name, text) {
                faults.push(format!("`{name}` is no template: {error}"));
            }
        }
        let templates = Self { registry, headers: headers.iter().map(|(name, _)| name.clone()).collect() };
        if faults.is_empty() {
            faults = templates.try_out(channel);
        }
        if faults.is_empty() { Ok(templates) } else { Err(faults) }
    }

    /// The request's body and headers.
    ///
    /// # Errors
    /// A template failed. Why is not told: the reason may quote the message.
    pub fn render(&self, outgoing: &Outgoing<'_>) -> Result<Rendered, ()> {
        let data = Context::wraps(fields(outgoing)).map_err(|_| ())?;
        let render = |name: &str| self.registry.render_with_context(name, &data).map_err(|_| ());
        let headers = self
            .headers
            .iter()
            .map(|name| Ok((name.clone(), render(&header_template(name))?)))
            .collect::<Result<Vec<_>, ()>>()?;
        Ok(Rendered { body: render(BODY)?, headers })
    }

    /// Renders every template on a difficult message.
    fn try_out(&self, channel: Channel) -> Vec<String> {
        let content = difficult(channel);
        let id = NotificationId("ntf_00000000000000000000000000000000".to_owned());
        let outgoing = Outgoing {
            order_id: "",
            id: &id,
            message: "sample",
            shop: "sample",
            content: &content,
            traceparent: None,
            now: Timestamp::from_millis(0),
        };
        let Ok(data) = Context::wraps(fields(&outgoing)) else { return Vec::new() };
        let mut faults = Vec::new();
        let mut is_json = false;
        for name in &self.headers {
            let template = header_template(name);
            match self.registry.render_with_context(&template, &data) {
                Ok(value) if HeaderValue::from_str(&value).is_err() => {
                    faults
                        .push(format!("`{template}` can come out with what no header can carry, such as a line break"));
                }
                Ok(value) => is_json |= name == "content-type" && value.contains("json"),
                Err(error) => faults.push(format!("`{template}` fails: {error}")),
            }
        }
        match self.registry.render_with_context(BODY, &data) {
            Ok(body) if is_json && serde_json::from_str::<Value>(&body).is_err() => {
                faults.push(
                    "`body` is not always JSON: write texts as {{json text}}, without quotation marks".to_owned(),
                );
            }
            Ok(_) => {}
            Err(error) => faults.push(format!("`body` fails: {error}")),
        }
        faults
    }
}

fn header_template(name: &HeaderName) -> String {
    format!("headers.{name}")
}

/// What a template can name. What a message may lack is there and null.
fn fields(outgoing: &Outgoing<'_>) -> Value {
    let mut fields = match outgoing.content {
        Content::Email(email) => json!({
            "from": email.from,
            "from_name": email.from_name,
            "reply_to": email.reply_to,
            "to": email.to,
            "to_name": email.to_name,
            "subject": email.subject,
            "html": email.html,
            "text": email.text,
        }),
        Content::Sms(sms) => json!({ "from": sms.from, "to": sms.to, "text": sms.text }),
        Content::Webhook(webhook) => json!({ "body": webhook.body }),
    };
    fields["id"] = json!(outgoing.id);
    fields["message"] = json!(outgoing.message);
    fields["shop"] = json!(outgoing.shop);
    fields["channel"] = json!(outgoing.content.channel());
    fields
}

/// A message with quotation marks, line breaks and the rest of what texts may hold.
fn difficult(channel: Channel) -> Content {
    let text = "\"Ça\" va?\r\n\t<b>50 % & more</b> \\ {{braces}} 📦".to_owned();
    match channel {
        Channel::Email => Content::Email(Email {
            from: "shop@example.com".to_owned(),
            from_name: "Zoë \"Shop\"".to_owned(),
            reply_to: None,
            to: "buyer@example.com".into(),
            to_name: None,
            subject: text.replace("\r\n", " "),
            html: text.clone(),
            text,
        }),
        Channel::Sms => Content::Sms(Sms { from: "Shop".to_owned(), to: "+33612345678".into(), text }),
        Channel::Webhook => Content::Webhook(Webhook { body: json!({ "text": text }).to_string() }),
    }
}

/// `{{json x}}`: the value as JSON, with its quotation marks.
fn write_json(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let value = argument(helper)?;
    out.write(&value.to_string())?;
    Ok(())
}

/// `{{form x}}`: the text as `application/x-www-form-urlencoded` writes it.
fn write_form(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let text = match argument(helper)? {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    out.write(&url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>())?;
    Ok(())
}

fn argument<'a>(helper: &'a Helper<'_>) -> Result<&'a Value, RenderErrorReason> {
    match helper.param(0) {
        Some(value) if !value.is_value_missing() => Ok(value.value()),
        Some(value) => Err(RenderErrorReason::MissingVariable(value.relative_path().cloned())),
        None => Err(RenderErrorReason::ParamNotFoundForIndex("json or form", 0)),
    }
}
