//! Puts partials where they are used, once, when templates are loaded.
//!
//! handlebars copies the whole context for each partial each time it is rendered; spliced in
//! beforehand they cost nothing. It also means that a partial that does not exist is found at
//! loading, and that the check sees one tree with everything a message uses.

use std::collections::{BTreeSet, HashMap};

use handlebars::template::{DecoratorTemplate, Parameter, TemplateElement, TemplateMapping};
use handlebars::{Template, TemplateError, TemplateErrorReason};

use super::sources::Partials;

/// Nested deeper than that, partials include each other in a circle.
const DEEPEST: usize = 16;

/// Lines carry the number of their file, so that a linked tree can still say where each part of
/// it was written: line 7 of the file with index 2 is 2,000,007.
const LINES: usize = 1_000_000;

/// The index of the file and the line in it.
pub fn place(line: usize) -> (usize, usize) {
    (line / LINES, line % LINES)
}

/// What is wrong, at which (coded) line and column.
pub struct Broken {
    pub line: usize,
    pub column: usize,
    pub what: String,
    /// The partial that does not exist.
    pub missing: Option<String>,
}

/// Compiles a file.
pub fn compile(source: &str, file: usize) -> Result<Template, Broken> {
    let mut template = Template::compile(source).map_err(|error| broken(&error, file))?;
    mark(&mut template, file);
    Ok(template)
}

fn broken(error: &TemplateError, file: usize) -> Broken {
    let (line, column) = error.pos().unwrap_or((1, 1));
    let what = match error.reason() {
        // what the parser expected instead is a list of its own terms
        TemplateErrorReason::InvalidSyntax(_) => {
            "cannot be read from here on; a brace or a block may be open".to_owned()
        }
        reason => reason.to_string(),
    };
    Broken { line: file * LINES + line, column, what, missing: None }
}

/// Writes the file's number into every line of the tree.
fn mark(template: &mut Template, file: usize) {
    for line in &mut template.mapping {
        line.0 += file * LINES;
    }
    for element in &mut template.elements {
        match element {
            TemplateElement::HelperBlock(block) => {
                for inner in [&mut block.template, &mut block.inverse].into_iter().flatten() {
                    mark(inner, file);
                }
            }
            TemplateElement::DecoratorBlock(block) | TemplateElement::PartialBlock(block) => {
                if let Some(inner) = &mut block.template {
                    mark(inner, file);
                }
            }
            _ => {}
        }
    }
}

/// What the user of a partial gives it: a block, and inline partials.
struct Given<'a> {
    block: Option<&'a Template>,
    inline: HashMap<&'a str, &'a Template>,
    outer: Option<&'a Given<'a>>,
}

/// A tree with every partial in its place, cut where partials begin and end, so that what two trees
/// have in common can be shared.
struct Tree(Vec<Template>);

impl Tree {
    fn push(&mut self, element: TemplateElement, line: TemplateMapping) {
        if self.0.is_empty() {
            self.cut();
        }
        if let Some(piece) = self.0.last_mut() {
            piece.elements.push(element);
            piece.mapping.push(line);
        }
    }

    fn cut(&mut self) {
        self.0.push(Template::new());
    }

    fn pieces(self) -> impl Iterator<Item = Template> {
        self.0.into_iter().filter(|piece| !piece.elements.is_empty())
    }

    fn joined(self) -> Template {
        self.pieces().fold(Template::new(), |mut whole, piece| {
            whole.elements.extend(piece.elements);
            whole.mapping.extend(piece.mapping);
            whole
        })
    }
}

/// The tree of `template` with every partial in its place, in pieces; the partials' names go into `used`.
pub fn link(
    template: &Template,
    partials: &Partials<'_>,
    used: &mut BTreeSet<String>,
) -> Result<Vec<Template>, Broken> {
    let mut linked = Tree(Vec::new());
    splice(template, &mut linked, partials, used, None, 0)?;
    Ok(linked.pieces().collect())
}

fn splice(
    from: &Template,
    into: &mut Tree,
    partials: &Partials<'_>,
    used: &mut BTreeSet<String>,
    given: Option<&Given<'_>>,
    depth: usize,
) -> Result<(), Broken> {
    let within = |inner: &Option<Template>, used: &mut BTreeSet<String>| -> Result<Option<Template>, Broken> {
        let Some(inner) = inner else { return Ok(None) };
        let mut linked = Tree(Vec::new());
        splice(inner, &mut linked, partials, used, given, depth)?;
        Ok(Some(linked.joined()))
    };
    for (element, line) in from.elements.iter().zip(&from.mapping) {
        let fault = |what: String, missing: Option<&str>| Broken {
            line: line.0,
            column: line.1,
            what,
            missing: missing.map(str::to_owned),
        };
        match element {
            TemplateElement::PartialExpression(partial) | TemplateElement::PartialBlock(partial) => {
                let Parameter::Name(name) = &partial.name else {
                    return Err(fault("a partial must be named outright".to_owned(), None));
                };
                if !partial.params.is_empty() || !partial.hash.is_empty() {
                    return Err(fault(
                        format!("the partial '{name}' takes no parameters; it sees what its user sees"),
                        None,
                    ));
                }
                if depth > DEEPEST {
                    return Err(fault(format!("the partial '{name}' includes itself"), None));
                }
                let gift = gift(partial, given);
                into.cut();
                let inline = given.and_then(|given| given.inline.get(name.as_str()).copied());
                if name == "@partial-block" {
                    let block = given.and_then(|given| given.block);
                    let block = block.ok_or_else(|| fault("no block was given to this partial".to_owned(), None))?;
                    // the block belongs to the user of the partial, and sees what that was given
                    splice(block, into, partials, used, given.and_then(|given| given.outer), depth + 1)?;
                } else if let Some(found) = inline {
                    splice(found, into, partials, used, Some(&gift), depth + 1)?;
                } else if let Some(found) = partials.get(name) {
                    used.insert(name.clone());
                    splice(found, into, partials, used, Some(&gift), depth + 1)?;
                } else {
                    return Err(fault(format!("there is no partial '{name}'"), Some(name)));
                }
                into.cut();
            }
            // collected by `gift`; alone it would mean nothing
            TemplateElement::DecoratorBlock(_) => {}
            TemplateElement::DecoratorExpression(_) => {
                return Err(fault("decorators are not supported".to_owned(), None));
            }
            TemplateElement::HelperBlock(block) => {
                let mut block = block.clone();
                block.template = within(&block.template, used)?;
                block.inverse = within(&block.inverse, used)?;
                into.push(TemplateElement::HelperBlock(block), line.clone());
            }
            TemplateElement::Comment(_) => {}
            element => into.push(element.clone(), line.clone()),
        }
    }
    Ok(())
}

/// What a use of a partial hands to it.
fn gift<'a>(partial: &'a DecoratorTemplate, outer: Option<&'a Given<'a>>) -> Given<'a> {
    let block = partial.template.as_ref();
    let mut inline = HashMap::new();
    for element in block.iter().flat_map(|block| &block.elements) {
        if let TemplateElement::DecoratorBlock(decorator) = element {
            let name = decorator.params.first();
            if let (Some(Parameter::Literal(serde_json::Value::String(name))), Some(body)) = (name, &decorator.template)
            {
                inline.insert(name.as_str(), body);
            }
        }
    }
    Given { block, inline, outer }
}
