//! Every path and every function of a condition is held against what there is.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cel::Program;
use cel::common::ast::{EntryExpr, Expr, IdedExpr};

use super::super::fault::nearest;
use super::super::view::Everything;
use super::{FUNCTIONS, Flaw, Root};

/// The schema that paths are held against.
static SCHEMA: LazyLock<serde_json::Value> = LazyLock::new(|| schemars::schema_for!(Everything<'static>).to_value());

/// What the condition names of each root (`None`: the root itself), and what is wrong with it.
pub(super) fn check(
    source: &str,
    program: &Program,
    known: &'static [(&'static str, Root)],
) -> (Vec<Flaw>, BTreeSet<(Root, Option<String>)>) {
    let mut walk = Walk { flaws: Vec::new(), named: BTreeSet::new(), bound: Vec::new(), known, source, program };
    walk.expression(program.expression());
    (walk.flaws, walk.named)
}

/// The functions of CEL that are worth a suggestion, the macros too.
const FUNCTION_NAMES: [&str; 25] = [
    "all",
    "contains",
    "double",
    "duration",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "getDate",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMinutes",
    "getMonth",
    "has",
    "int",
    "map",
    "matches",
    "max",
    "min",
    "size",
    "startsWith",
    "string",
    "timestamp",
];

/// Whether CEL has a function of that name, or it is an operator.
fn is_function(name: &str) -> bool {
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return true;
    }
    // whatever a function takes, only one that is not there is undeclared
    let called = Program::compile(&format!("{name}()")).map(|program| program.execute(&FUNCTIONS));
    !matches!(called, Ok(Err(cel::ExecutionError::UndeclaredReference(_))))
}

/// Walks the parsed condition and holds its paths against the schema.
struct Walk<'p> {
    flaws: Vec<Flaw>,
    /// What it names of each root; `None`: the root itself.
    named: BTreeSet<(Root, Option<String>)>,
    /// Names bound by `exists`, `all`, `filter` and `map`, with the schema of what they stand for.
    bound: Vec<(String, Option<&'static serde_json::Value>)>,
    /// The roots that it may name.
    known: &'static [(&'static str, Root)],
    source: &'p str,
    program: &'p Program,
}

impl Walk<'_> {
    /// Visits `expression`; returns the schema of its value where it is a path.
    fn expression(&mut self, expression: &IdedExpr) -> Option<&'static serde_json::Value> {
        match &expression.expr {
            Expr::Ident(name) => self.name(name, expression.id),
            Expr::Select(select) => {
                let root = match &select.operand.expr {
                    // that something is there is asked of the whole
                    Expr::Ident(name) if !select.test => self.root(name),
                    _ => None,
                };
                let of = match root {
                    Some(root) => {
                        self.named.insert((root, Some(select.field.clone())));
                        schema_of(root)?
                    }
                    None => self.expression(&select.operand)?,
                };
                self.field(of, &select.field, expression.id)
            }
            Expr::Call(call) => {
                if let Some(target) = &call.target {
                    self.expression(target);
                }
                if !is_function(&call.func_name) {
                    let what = format!("there is no function '{}'", call.func_name);
                    self.flaw(expression.id, what, &call.func_name, FUNCTION_NAMES.into_iter());
                    return None;
                }
                let arguments: Vec<_> = call.args.iter().map(|argument| self.expression(argument)).collect();
                // `list[0]` and `map["key"]`
                let indexed = (call.func_name == "_[_]").then(|| arguments.first().copied().flatten()).flatten();
                indexed.and_then(|list| resolve(list.get("items")?))
            }
            Expr::Comprehension(comprehension) => {
                let range = self.expression(&comprehension.iter_range);
                let element = range.and_then(|range| resolve(range.get("items")?));
                self.expression(&comprehension.accu_init);
                let depth = self.bound.len();
                self.bound.push((comprehension.iter_var.clone(), element));
                self.bound.extend(comprehension.iter_var2.clone().map(|name| (name, None)));
                self.bound.push((comprehension.accu_var.clone(), None));
                self.expression(&comprehension.loop_cond);
                self.expression(&comprehension.loop_step);
                self.expression(&comprehension.result);
                self.bound.truncate(depth);
                None
            }
            Expr::List(list) => {
                for element in &list.elements {
                    self.expression(element);
                }
                None
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.expression(&entry.key);
                        self.expression(&entry.value);
                    }
                }
                None
            }
            Expr::Struct(_) | Expr::Literal(_) | Expr::Unspecified => None,
        }
    }

    /// The root of that name, unless something else is bound to it here.
    fn root(&self, name: &str) -> Option<Root> {
        let is_bound = self.bound.iter().any(|(bound, _)| bound == name);
        self.known.iter().find(|(known, _)| *known == name && !is_bound).map(|(_, root)| *root)
    }

    fn name(&mut self, name: &str, id: u64) -> Option<&'static serde_json::Value> {
        if let Some((_, schema)) = self.bound.iter().rev().find(|(bound, _)| bound == name) {
            return *schema;
        }
        if let Some(root) = self.root(name) {
            self.named.insert((root, None));
            return schema_of(root);
        }
        if !name.starts_with('@') && !name.starts_with("__") {
            self.flaw(id, format!("'{name}' is not known"), name, self.known.iter().map(|(name, _)| *name));
        }
        None
    }

    fn field(&mut self, of: &'static serde_json::Value, field: &str, id: u64) -> Option<&'static serde_json::Value> {
        let properties = of.get("properties")?.as_object()?;
        match properties.get(field) {
            Some(schema) => resolve(schema),
            None => {
                self.flaw(id, format!("there is no field '{field}'"), field, properties.keys().map(String::as_str));
                None
            }
        }
    }

    fn flaw<'n>(&mut self, id: u64, what: String, name: &str, known: impl Iterator<Item = &'n str> + Clone) {
        let suggestion = match nearest(name, known.clone()) {
            Some(name) => format!("did you mean '{name}'?"),
            None => format!("known here: {}", known.collect::<Vec<_>>().join(", ")),
        };
        // a selection is placed at its dot, so the name itself is looked for from there on
        let start = self.program.source_info().offset_for(id).map_or(0, |(start, _)| start as usize);
        let offset = self.source.get(start..).and_then(|rest| rest.find(name)).map_or(start, |at| start + at);
        self.flaws.push(Flaw { offset, what, suggestion: Some(suggestion) });
    }
}

fn schema_of(root: Root) -> Option<&'static serde_json::Value> {
    resolve(SCHEMA.get("properties")?.get(root.name())?)
}

/// The schema behind `$ref` and, for what may be null, the other alternative.
fn resolve(schema: &'static serde_json::Value) -> Option<&'static serde_json::Value> {
    if let Some(reference) = schema.get("$ref").and_then(|reference| reference.as_str()) {
        let name = reference.strip_prefix("#/$defs/")?;
        return resolve(SCHEMA.get("$defs")?.get(name)?);
    }
    if let Some(any) = schema.get("anyOf").and_then(|any| any.as_array()) {
        return any.iter().find(|one| one.get("type").is_none_or(|kind| kind != "null")).and_then(resolve);
    }
    Some(schema)
}
