//! Every message as it is read, in every locale and on every channel.

use reassure::domain::contact::Recipient;
use reassure::domain::decision::NotificationId;
use reassure::domain::notification::Content;
use reassure::domain::order::Channel;
use reassure::message::sample::{self, Sample};
use reassure::message::{Letter, Templates};

fn write(templates: &Templates, sample: &Sample, message: &str, locale: &str, channel: Channel) -> Content {
    let mut journey = sample.journey.clone();
    journey.order.customer.locale = Some(locale.to_owned());
    let recipient = match channel {
        Channel::Email => Recipient::Email("camille.moreau@example.com".into()),
        Channel::Sms => Recipient::Phone("+33612345678".into()),
        Channel::Webhook => Recipient::Webhook,
    };
    let notification = NotificationId("ntf_0123".to_owned());
    let letter = Letter {
        shop_id: "maison-orme",
        shop: &sample.shop,
        journey: &journey,
        subject: &sample.subject,
        message,
        channel,
        recipient: &recipient,
        notification: &notification,
        now: sample.now,
    };
    templates.write(&letter).unwrap_or_else(|error| panic!("{message} {locale} {}: {error}", sample.name))
}

#[test]
fn look() {
    let templates = Templates::load(None).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let out = std::env::temp_dir().join("letters");
    std::fs::create_dir_all(&out).unwrap();
    for message in templates.messages() {
        for locale in ["fr-FR", "en-GB"] {
            for sample in sample::all() {
                for channel in Channel::ALL {
                    let content = write(&templates, &sample, message, locale, channel);
                    let stem = format!("{message}.{locale}.{}", sample.name);
                    match content {
                        Content::Email(email) => {
                            std::fs::write(out.join(format!("{stem}.html")), &email.html).unwrap();
                            std::fs::write(
                                out.join(format!("{stem}.txt")),
                                format!("{}\n\n{}", email.subject, email.text),
                            )
                            .unwrap();
                        }
                        Content::Sms(sms) => std::fs::write(out.join(format!("{stem}.sms")), sms.text).unwrap(),
                        Content::Webhook(hook) => std::fs::write(out.join(format!("{stem}.json")), hook.body).unwrap(),
                    }
                }
            }
        }
    }
}
#[test]
fn ours_pass_the_check() {
    let templates = Templates::load(None).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let faults: Vec<String> = templates.check().iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
