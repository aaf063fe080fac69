//! What a text message costs: 160 characters while every one is in GSM 03.38, 70 as soon as one
//! is not; and the replacements that keep French within it.

/// A segment holds this much alone, or as one of several.
const GSM: (usize, usize) = (160, 153);
const UCS2: (usize, usize) = (70, 67);

/// More than that is an e-mail.
pub const MOST_SEGMENTS: usize = 3;

const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

/// How a text is carried, and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub is_gsm: bool,
    /// Characters as they are counted: `€` is two of GSM 03.38, an emoji two of UCS-2.
    pub units: usize,
    pub segments: usize,
}

/// What sending `text` as it is would cost.
pub fn size(text: &str) -> Size {
    let gsm: Option<Vec<usize>> = text.chars().map(septets).collect();
    let is_gsm = gsm.is_some();
    let widths = gsm.unwrap_or_else(|| text.chars().map(char::len_utf16).collect());
    let units: usize = widths.iter().sum();
    let (alone, part) = if is_gsm { GSM } else { UCS2 };
    Size { is_gsm, units, segments: if units <= alone { 1 } else { parts(&widths, part) } }
}

/// A character of two units is not torn between two segments, so that one may stay unused.
fn parts(widths: &[usize], room: usize) -> usize {
    let (mut segments, mut used) = (1, 0);
    for width in widths {
        if used + width > room {
            segments += 1;
            used = 0;
        }
        used += width;
    }
    segments
}

fn septets(c: char) -> Option<usize> {
    if c.is_ascii_alphanumeric() || c == ' ' || BASIC.contains(c) { Some(1) } else { EXTENDED.contains(c).then_some(2) }
}

/// The text within GSM 03.38 if every character has a faithful replacement there; else as it
/// was, since one character outside makes the replacements cost letters and save nothing.
pub fn to_gsm(text: &str) -> String {
    within_gsm(text, None).unwrap_or_else(|| text.replace(['\u{a0}', '\u{202f}'], " "))
}

/// As [`to_gsm`], with a question mark for what has no replacement: where the text would
/// otherwise be too long to be sent at all.
pub fn forced_to_gsm(text: &str) -> String {
    within_gsm(text, Some("?")).unwrap_or_default()
}

fn within_gsm(text: &str, otherwise: Option<&str>) -> Option<String> {
    let mut gsm = String::with_capacity(text.len());
    let mut opened = false;
    for c in text.chars() {
        let blank = matches!(c, ' ' | '\u{a0}' | '\u{202f}');
        // French quotation marks stand apart from what they enclose; straight ones do not
        if blank && opened {
            continue;
        }
        opened = c == '«';
        if c == '»' {
            gsm.truncate(gsm.trim_end().len());
        }
        if septets(c).is_some() {
            gsm.push(c);
        } else {
            gsm.push_str(replacement(c).or(otherwise)?);
        }
    }
    Some(gsm)
}

/// What a reader takes for the same.
fn replacement(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' => " ",
        '’' | '‘' | '‚' | '′' | '´' | '`' => "'",
        '“' | '”' | '„' | '«' | '»' | '″' => "\"",
        '–' | '—' | '‑' | '‐' | '−' => "-",
        '…' => "...",
        '•' | '·' => "-",
        '×' => "x",
        '→' => ">",
        '½' => "1/2",
        '°' | 'º' => "o",
        'â' | 'á' | 'ã' => "a",
        'À' | 'Â' | 'Á' | 'Ã' => "A",
        'ç' => "c",
        'ê' | 'ë' => "e",
        'È' | 'Ê' | 'Ë' => "E",
        'î' | 'ï' | 'í' => "i",
        'Ì' | 'Î' | 'Ï' | 'Í' => "I",
        'ô' | 'ó' | 'õ' => "o",
        'Ò' | 'Ô' | 'Ó' | 'Õ' => "O",
        'û' | 'ú' => "u",
        'Ù' | 'Û' | 'Ú' => "U",
        'ÿ' | 'ý' => "y",
        'Ÿ' | 'Ý' => "Y",
        'œ' => "oe",
        'Œ' => "OE",
        _ => return None,
    })
}
