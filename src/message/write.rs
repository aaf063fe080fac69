//! Brings the facts and the words together.

use std::borrow::Cow;

use handlebars::{Context, RenderError};
use serde_json::Value;

use super::context::{clip, one_line};
use super::locale::{self, Choice};
use super::{Letter, Part, Scene, Templates, gift, sms, webhook};
use crate::domain::contact::Recipient;
use crate::domain::notification::{Content, Email, Sms, Webhook};
use crate::domain::order::Channel;
use crate::domain::party::Party;
use crate::domain::personal::Personal;

/// Why a letter could not be written. No personal data in the texts (I9).
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    #[error("there are no templates for the message '{0}'")]
    NoTemplate(String),
    /// Something that the template needs is not known of this journey.
    #[error("{file}:{line}: {what}")]
    Incomplete { file: String, line: usize, what: String },
    #[error("the text message is longer than {} segments, however short its parts", sms::MOST_SEGMENTS)]
    TooLong,
    #[error("the recipient is none of this channel")]
    WrongRecipient,
}

/// Mail clients show some sixty characters of a subject; servers refuse headers without end.
const SUBJECT_LIMIT: usize = 200;

/// How long free texts may be in a text message, tried in turn until it is short enough.
const WIDTHS: [usize; 5] = [80, 48, 32, 20, 10];

impl Templates {
    /// Writes the letter out for its channel.
    ///
    /// # Errors
    /// If the message has no templates or the journey lacks what they need.
    pub fn write(&self, letter: &Letter<'_>) -> Result<Content, Unwritable> {
        let available = self.locales(Some(letter.message));
        let choice = locale::choose(
            letter.reader().and_then(|reader| reader.locale.as_deref()),
            &letter.shop.locale,
            &available,
        )
        .ok_or_else(|| Unwritable::NoTemplate(letter.message.to_owned()))?;
        match (letter.channel, letter.recipient) {
            (Channel::Email, Recipient::Email(to)) => self.email(letter, &choice, to).map(Content::Email),
            (Channel::Sms, Recipient::Phone(to)) => {
                let text = self.text_message(letter, &choice)?;
                let from = one_line(&letter.shop.sender.sms).into_owned();
                Ok(Content::Sms(Sms { from, to: safe(to), text }))
            }
            (Channel::Webhook, Recipient::Webhook) => self.webhook(letter, &choice).map(Content::Webhook),
            _ => Err(Unwritable::WrongRecipient),
        }
    }

    fn email(&self, letter: &Letter<'_>, choice: &Choice, to: &Personal) -> Result<Email, Unwritable> {
        let mut context = context(letter, choice, None)?;
        let subject = self.subject(letter, choice, &context)?;
        context.data_mut()["title"] = Value::String(subject.clone());
        let part = |part| self.part(letter, choice, part, &context);
        let sender = &letter.shop.sender;
        Ok(Email {
            from: one_line(&sender.email).into_owned(),
            from_name: display_name(&sender.email_name),
            reply_to: sender.reply_to.as_deref().map(|address| one_line(address).into_owned()),
            to: safe(to),
            to_name: letter
                .reader()
                .and_then(|reader| reader.name.as_deref())
                .map(display_name)
                .filter(|name| !name.is_empty())
                .map(Personal),
            html: part(Part::Html)?,
            text: tidy(&part(Part::Text)?),
            subject,
        })
    }

    fn subject(&self, letter: &Letter<'_>, choice: &Choice, context: &Context) -> Result<String, Unwritable> {
        let subject = self.part(letter, choice, Part::Subject, context)?;
        Ok(clip(one_line(&subject), SUBJECT_LIMIT).into_owned())
    }

    /// Shortens what is free text (names, places, reasons) until the message is short enough;
    /// what the template itself says, links, codes and dates stay whole.
    fn text_message(&self, letter: &Letter<'_>, choice: &Choice) -> Result<String, Unwritable> {
        let fits = |text: &String| sms::size(text).segments <= sms::MOST_SEGMENTS;
        let mut shortest = String::new();
        for width in WIDTHS {
            let context = context(letter, choice, Some(width))?;
            shortest = one_line(&self.part(letter, choice, Part::Sms, &context)?).into_owned();
            let text = sms::to_gsm(&shortest);
            if fits(&text) {
                return Ok(text);
            }
        }
        // another script more than halves the room; what is left of it is better than silence
        Some(sms::forced_to_gsm(&shortest)).filter(fits).ok_or(Unwritable::TooLong)
    }

    fn webhook(&self, letter: &Letter<'_>, choice: &Choice) -> Result<Webhook, Unwritable> {
        let context = context(letter, choice, Some(200))?;
        let title = self.subject(letter, choice, &context)?;
        let text = self.part(letter, choice, Part::Sms, &context)?;
        Ok(Webhook { body: webhook::document(letter, &choice.formats, context.data(), &title, &one_line(&text)) })
    }

    fn part(&self, letter: &Letter<'_>, choice: &Choice, part: Part, context: &Context) -> Result<String, Unwritable> {
        self.render(letter.message, &choice.words, part, context).map_err(|error| {
            let (file, line) = self.place(error.line_no.unwrap_or_default());
            let unplaced = file.is_empty() || error.line_no.is_none();
            let file = if unplaced { self.file(letter.message, &choice.words, part) } else { file.to_owned() };
            Unwritable::Incomplete { file, line, what: error.reason().to_string() }
        })
    }
}

fn context(letter: &Letter<'_>, choice: &Choice, width: Option<usize>) -> Result<Context, Unwritable> {
    let scene = Scene::new(letter, &choice.formats, width);
    let unfit = |error: RenderError| Unwritable::Incomplete {
        file: letter.message.to_owned(),
        line: 0,
        what: error.reason().to_string(),
    };
    let mut context = Context::wraps(&scene).map_err(unfit)?;
    if letter.to() == Party::Recipient {
        gift::keep_secret(context.data_mut());
    }
    Ok(context)
}

/// A name beside an address in a header: nothing in it may look like an address of its own.
fn display_name(name: &str) -> String {
    let name = one_line(name).replace(['<', '>', '"', '\\', ';'], " ");
    clip(one_line(&name), 80).into_owned()
}

fn safe(address: &Personal) -> Personal {
    match one_line(address) {
        Cow::Borrowed(_) => address.clone(),
        Cow::Owned(clean) => Personal(clean),
    }
}

/// Without the blank lines that conditions leave behind.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut blank = 0;
    for line in text.trim().lines() {
        let line = line.trim_end();
        blank = if line.is_empty() { blank + 1 } else { 0 };
        if blank < 2 {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    tidy
}
