//! Walks a template's tree with the form of the scene beside it.

use std::collections::BTreeSet;
use std::sync::Arc;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement, TemplateMapping};
use handlebars::{Path, PathSeg, Template};

use super::suggestion;
use crate::message::shape::{Field, Shape};
use crate::message::{Part, format, markup};

/// What a tree uses, and what is wrong with it.
#[derive(Default)]
pub struct Uses {
    /// Paths from the root, without indices: `order.items.name`.
    pub variables: BTreeSet<String>,
    pub faults: Vec<Wrong>,
}

pub struct Wrong {
    /// As the linked tree counts, with the file's number in it.
    pub line: usize,
    pub column: usize,
    pub what: String,
    pub suggestion: Option<String>,
}

/// Where the walk stands: what `this` is, and what is known to be there.
#[derive(Clone)]
struct Scope<'a> {
    this: &'a Shape,
    /// The path of `this` from the root.
    path: Vec<String>,
    /// Paths whose presence an enclosing block has made sure of.
    present: BTreeSet<String>,
    outer: Option<Box<Scope<'a>>>,
    in_each: bool,
}

/// A name resolved: where it leads, and the first part of the way that may be missing.
struct Found<'a> {
    shape: &'a Shape,
    /// As the template writes it.
    written: String,
    path: String,
    missing: Option<String>,
}

const BUILT_IN: [&str; 10] = ["eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len"];
const BLOCKS: [&str; 4] = ["if", "unless", "each", "with"];
const LOCALS: [&str; 4] = ["first", "last", "index", "key"];

pub fn of(tree: &[Arc<Template>], shape: &Shape, part: Part) -> Uses {
    let mut walk = Walk { root: shape, part, uses: Uses::default() };
    let scope = Scope { this: shape, path: Vec::new(), present: BTreeSet::new(), outer: None, in_each: false };
    tree.iter().for_each(|piece| walk.template(piece, &scope));
    walk.uses
}

struct Walk<'a> {
    root: &'a Shape,
    part: Part,
    uses: Uses,
}

impl<'a> Walk<'a> {
    fn wrong(&mut self, at: &TemplateMapping, what: impl Into<String>, suggestion: Option<String>) {
        self.uses.faults.push(Wrong { line: at.0, column: at.1, what: what.into(), suggestion });
    }

    fn template(&mut self, tree: &Template, scope: &Scope<'a>) {
        for (element, at) in tree.elements.iter().zip(&tree.mapping) {
            match element {
                TemplateElement::Expression(expression) => self.expression(expression, scope, at),
                TemplateElement::HtmlExpression(expression) => {
                    if self.part == Part::Html {
                        let what = "what is shown with three braces is not escaped";
                        self.wrong(at, what, Some("use two braces".to_owned()));
                    }
                    self.expression(expression, scope, at);
                }
                TemplateElement::HelperBlock(block) => self.block(block, scope, at),
                _ => {}
            }
        }
    }

    fn expression(&mut self, expression: &HelperTemplate, scope: &Scope<'a>, at: &TemplateMapping) {
        let Some(name) = expression.name.as_name() else { return };
        let name_only = expression.params.is_empty() && expression.hash.is_empty();
        if name_only && !is_helper(name) {
            if let Some(found) = self.value(&expression.name, scope, at) {
                self.shown_plainly(&found, at);
            }
            return;
        }
        self.helper(name, &expression.params, scope, at);
        for value in expression.hash.values() {
            self.value(value, scope, at);
        }
    }

    /// A plain `{{name}}` shows text and numbers; a moment or a list would come out as a machine
    /// writes it.
    fn shown_plainly(&mut self, found: &Found<'_>, at: &TemplateMapping) {
        let (path, written) = (&found.path, &found.written);
        match found.shape {
            Shape::Plain => {}
            Shape::Shown(helpers) => {
                let what = format!("'{path}' is not text and needs a helper");
                self.wrong(at, what, Some(format!("write {{{{{} {written}}}}}", helpers[0])));
            }
            Shape::Object(_) => self.wrong(at, format!("'{path}' is not text; one of its parts can be shown"), None),
            Shape::List(_) => {
                self.wrong(
                    at,
                    format!("'{path}' is a list"),
                    Some(format!("go through it with {{{{#each {written}}}}}")),
                );
            }
        }
    }

    fn helper(&mut self, name: &str, params: &[Parameter], scope: &Scope<'a>, at: &TemplateMapping) {
        if !is_helper(name) {
            let known = format::NAMES.into_iter().chain(BUILT_IN).chain(BLOCKS).chain([markup::NAME]);
            self.wrong(at, format!("there is no helper '{name}'"), suggestion(name, known));
        }
        for (index, param) in params.iter().enumerate() {
            let found = self.value(param, scope, at);
            let shown = found.filter(|_| index == 0 && format::NAMES.contains(&name) && name != "plural");
            if let Some(Found { shape, path, .. }) = shown {
                let fits = matches!(shape, Shape::Shown(helpers) if helpers.contains(&name));
                if !fits {
                    let right = match shape {
                        Shape::Shown(helpers) => Some(format!("for this there is '{}'", helpers.join("', '"))),
                        _ => None,
                    };
                    self.wrong(at, format!("'{name}' cannot show '{path}'"), right);
                }
            }
        }
    }

    fn block(&mut self, block: &HelperTemplate, scope: &Scope<'a>, at: &TemplateMapping) {
        let name = block.name.as_name().unwrap_or_default();
        let mut then = scope.clone();
        let mut otherwise = scope.clone();
        match name {
            "if" | "unless" => {
                let mut present = BTreeSet::new();
                for param in &block.params {
                    self.condition(param, scope, at, &mut present);
                }
                let sure = if name == "if" { &mut then } else { &mut otherwise };
                sure.present.extend(present);
            }
            "each" | "with" => {
                if block.block_param.is_some() {
                    let what = "names for the block's value are not supported";
                    self.wrong(at, what, Some("use the fields themselves, and ../ for what is outside".to_owned()));
                }
                let Some(param) = block.params.first() else { return };
                let Some(found) = self.resolve(param, scope, at) else { return };
                if block.inverse.is_none() {
                    self.unguarded(&found, at);
                }
                if let Some(inner) = self.inner(name, &found, scope, at) {
                    then = inner;
                } else {
                    return;
                }
            }
            _ => self.helper(name, &block.params, scope, at),
        }
        if let Some(inner) = &block.template {
            self.template(inner, &then);
        }
        if let Some(inner) = &block.inverse {
            self.template(inner, &otherwise);
        }
    }

    /// The scope within `each` or `with`.
    fn inner(&mut self, name: &str, found: &Found<'a>, scope: &Scope<'a>, at: &TemplateMapping) -> Option<Scope<'a>> {
        let this = match (name, found.shape) {
            ("each", Shape::List(item)) => item,
            ("each", _) => {
                self.wrong(at, format!("'{}' is no list", found.path), None);
                return None;
            }
            (_, shape) => shape,
        };
        let mut present = scope.present.clone();
        present.extend(prefixes(&found.path));
        Some(Scope {
            this,
            path: found.path.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            present,
            outer: Some(Box::new(scope.clone())),
            in_each: name == "each" || scope.in_each,
        })
    }

    /// A condition may ask for what is missing; where it holds, what it asked for is there.
    fn condition(
        &mut self,
        param: &Parameter,
        scope: &Scope<'a>,
        at: &TemplateMapping,
        present: &mut BTreeSet<String>,
    ) {
        match param {
            Parameter::Subexpression(inner) => {
                let params = inner.params().map_or(&[][..], Vec::as_slice);
                if inner.name() == "and" {
                    // what stands in an `and` must be there, unlike what stands in an `if` alone
                    self.helper("and", params, scope, at);
                    for param in params {
                        if let Some(found) = self.resolve(param, scope, at) {
                            present.extend(prefixes(&found.path));
                        }
                    }
                } else {
                    self.helper(inner.name(), params, scope, at);
                }
            }
            param => {
                if let Some(found) = self.resolve(param, scope, at) {
                    present.extend(prefixes(&found.path));
                }
            }
        }
    }

    /// A value that has to be there.
    fn value(&mut self, param: &Parameter, scope: &Scope<'a>, at: &TemplateMapping) -> Option<Found<'a>> {
        if let Parameter::Subexpression(inner) = param {
            self.helper(inner.name(), inner.params().map_or(&[][..], Vec::as_slice), scope, at);
            return None;
        }
        let found = self.resolve(param, scope, at)?;
        self.unguarded(&found, at);
        Some(found)
    }

    fn unguarded(&mut self, found: &Found<'_>, at: &TemplateMapping) {
        if let Some(missing) = &found.missing {
            let guard = &found.written;
            let suggestion = format!("put it between {{{{#if {guard}}}}} and {{{{/if}}}}");
            self.wrong(at, format!("'{missing}' may be missing"), Some(suggestion));
        }
    }

    fn resolve(&mut self, param: &Parameter, scope: &Scope<'a>, at: &TemplateMapping) -> Option<Found<'a>> {
        let parsed;
        let path = match param {
            Parameter::Path(path) => path,
            Parameter::Name(name) => {
                parsed = Path::parse(name).ok()?;
                &parsed
            }
            _ => return None,
        };
        match path {
            Path::Local((_, name, raw)) => {
                if !LOCALS.contains(&name.as_str()) {
                    self.wrong(at, format!("there is no '{raw}'"), suggestion(name, LOCALS));
                } else if !scope.in_each {
                    self.wrong(at, format!("there is '{raw}' only within {{{{#each}}}}"), None);
                }
                None
            }
            Path::Relative((segments, raw)) => self.relative(segments, raw, scope, at),
        }
    }

    fn relative(
        &mut self,
        segments: &[PathSeg],
        raw: &str,
        scope: &Scope<'a>,
        at: &TemplateMapping,
    ) -> Option<Found<'a>> {
        let mut scope = scope;
        let mut names = Vec::new();
        let (mut shape, mut path) = (scope.this, scope.path.clone());
        for (index, segment) in segments.iter().enumerate() {
            match segment {
                PathSeg::Named(name) => names.push(name.as_str()),
                // handlebars keeps its grammar to itself: a path begins with `@root` or climbs
                PathSeg::Ruled(_) if index == 0 && raw.starts_with("@root") => {
                    (shape, path) = (self.root, Vec::new());
                }
                _ => {
                    let Some(outer) = &scope.outer else {
                        self.wrong(at, format!("'{raw}' leads outside of what a template sees"), None);
                        return None;
                    };
                    scope = outer;
                    (shape, path) = (scope.this, scope.path.clone());
                }
            }
        }
        let mut missing = None;
        for name in names {
            let Some(Field { shape: inner, may_be_missing }) = shape.field(name) else {
                let known: Vec<&str> = shape.names().collect();
                let what = if path.is_empty() {
                    format!("there is no '{name}'")
                } else {
                    format!("there is no '{name}' in '{}'", path.join("."))
                };
                self.wrong(at, what, suggestion(name, known));
                return None;
            };
            path.push(name.to_owned());
            let joined = path.join(".");
            if *may_be_missing && missing.is_none() && !scope.present.contains(&joined) {
                missing = Some(joined);
            }
            shape = inner;
        }
        let path = path.join(".");
        self.uses.variables.insert(path.clone());
        Some(Found { shape, written: raw.to_owned(), path, missing })
    }
}

fn is_helper(name: &str) -> bool {
    format::NAMES.contains(&name) || BUILT_IN.contains(&name) || BLOCKS.contains(&name) || name == markup::NAME
}

/// `a`, `a.b` and `a.b.c` of `a.b.c`: what is there has everything above it.
fn prefixes(path: &str) -> impl Iterator<Item = String> + '_ {
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    ends.filter(|end| *end > 0).map(|end| path[..end].to_owned())
}
