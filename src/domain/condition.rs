//! Conditions in CEL, over the names of [`super::view`].

mod pick;
mod spell;
pub mod trace;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::{Context, Program, Value};

use pick::pick;

use super::fault::nearest;
use super::view::{Everything, Scene};

/// A condition, parsed once.
pub struct Condition {
    source: String,
    program: Program,
    needs: Vec<Need>,
}

/// What a condition names of one root: some of its fields, or, if there are none, the whole of it.
struct Need {
    root: Root,
    fields: Vec<String>,
}

/// The names at the top of every path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Root {
    Event,
    Order,
    Journey,
    Shipment,
    Parcel,
    Hold,
    Shop,
    Now,
}

impl Root {
    const ALL: [(&'static str, Self); 8] = [
        ("event", Self::Event),
        ("order", Self::Order),
        ("journey", Self::Journey),
        ("shipment", Self::Shipment),
        ("parcel", Self::Parcel),
        ("hold", Self::Hold),
        ("shop", Self::Shop),
        ("now", Self::Now),
    ];

    fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// What is wrong with a condition, and where in its text.
#[derive(Debug, PartialEq)]
pub struct Flaw {
    /// Bytes from the start of the condition; 0 if it is not known.
    pub offset: usize,
    pub what: String,
    pub suggestion: Option<String>,
}

/// Registering CEL's functions costs some 40 µs, so it is done once.
static FUNCTIONS: LazyLock<Context<'static, 'static>> = LazyLock::new(Context::default);

/// The schema that paths are held against.
static SCHEMA: LazyLock<serde_json::Value> = LazyLock::new(|| schemars::schema_for!(Everything<'static>).to_value());

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.source)
    }
}

impl Condition {
    /// Reads a condition and checks that every path in it exists.
    ///
    /// # Errors
    /// Every flaw found.
    pub fn parse(source: &str) -> Result<Self, Vec<Flaw>> {
        let program = Program::compile(source).map_err(|errors| {
            errors
                .errors
                .iter()
                .map(|error| Flaw {
                    offset: offset_of(source, error.pos),
                    what: format!("not a condition: {}", error.msg),
                    suggestion: None,
                })
                .collect::<Vec<_>>()
        })?;
        let mut walk = Walk { flaws: Vec::new(), named: BTreeSet::new(), bound: Vec::new(), source, program: &program };
        walk.expression(program.expression());
        let Walk { flaws, named, .. } = walk;
        if flaws.is_empty() { Ok(Self { source: source.to_owned(), program, needs: needs(named) }) } else { Err(flaws) }
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// It looks at the event that set the rule going, which a second look does not have.
    pub fn needs_event(&self) -> bool {
        self.needs.iter().any(|need| need.root == Root::Event)
    }

    /// It looks at a parcel, which an event about the whole order does not have.
    pub fn needs_parcel(&self) -> bool {
        self.needs.iter().any(|need| need.root == Root::Parcel)
    }
}

/// By root; whoever names a root alone needs the whole of it.
fn needs(named: BTreeSet<(Root, Option<String>)>) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    let whole = |root: Root| named.contains(&(root, None));
    for (root, field) in &named {
        if needs.last().is_none_or(|need| need.root != *root) {
            needs.push(Need { root: *root, fields: Vec::new() });
        }
        if let (Some(need), Some(field)) = (needs.last_mut(), field)
            && !whole(*root)
        {
            need.fields.push(field.clone());
        }
    }
    needs
}

/// The facts of one scene as CEL values, each converted once and only if a rule asks.
pub struct Scope<'a> {
    scene: Scene<'a>,
    context: Context<'static, 'static>,
    /// Roots that are there as a whole.
    whole: [bool; Root::ALL.len()],
    /// Fields that are there by themselves, under names such as `order.total`.
    single: Vec<(Root, &'static str)>,
}

impl<'a> Scope<'a> {
    pub fn new(scene: Scene<'a>) -> Self {
        let context = FUNCTIONS.new_inner_scope();
        Self { scene, context, whole: [false; Root::ALL.len()], single: Vec::new() }
    }

    pub fn scene(&self) -> &Scene<'a> {
        &self.scene
    }

    /// Whether `condition` holds.
    ///
    /// # Errors
    /// Why it could not be evaluated, without the values in it (I9).
    pub fn holds(&mut self, condition: &Condition) -> Result<bool, String> {
        self.convert(condition)?;
        match condition.program.execute(&self.context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err("it is neither true nor false".to_owned()),
            Err(error) => Err(explain(&error)),
        }
    }

    /// Makes CEL values of the facts that `condition` names, and of nothing else: most of an event's
    /// cost would be facts that nobody asks for.
    fn convert(&mut self, condition: &Condition) -> Result<(), String> {
        for need in &condition.needs {
            if self.whole[need.root as usize] {
                continue;
            }
            let picked = self.pick(need).map_err(|_| format!("'{}' cannot be converted", need.root.name()))?;
            let Some(facts) = picked else {
                self.convert_whole(need.root)?;
                continue;
            };
            for (field, value) in facts {
                self.single.push((need.root, field));
                self.context.add_variable_from_value(format!("{}.{field}", need.root.name()), value);
            }
        }
        Ok(())
    }

    fn convert_whole(&mut self, root: Root) -> Result<(), String> {
        if !std::mem::replace(&mut self.whole[root as usize], true) {
            let value = self.value(root).map_err(|_| format!("'{}' cannot be converted", root.name()))?;
            self.context.add_variable_from_value(root.name(), value);
        }
        Ok(())
    }

    /// The fields that are needed and not there yet; `None` if the whole is: it is asked for, or there
    /// is none of it.
    fn pick(&self, need: &Need) -> Result<Option<Vec<(&'static str, Value)>>, cel::SerializationError> {
        let is_there = |field: &str| self.single.iter().any(|(root, known)| (*root, *known) == (need.root, field));
        if need.fields.is_empty() {
            return Ok(None);
        }
        if need.fields.iter().all(|field| is_there(field)) {
            return Ok(Some(Vec::new()));
        }
        let wanted = |field: &str| need.fields.iter().any(|one| one == field) && !is_there(field);
        let scene = &self.scene;
        match need.root {
            Root::Event => pick(&scene.event_view(), wanted),
            Root::Order => pick(&scene.order_view(), wanted),
            Root::Journey => pick(&scene.journey_view(), wanted),
            Root::Shipment => pick(&scene.shipment_view(), wanted),
            Root::Parcel => pick(&scene.parcel_view(), wanted),
            Root::Hold => pick(&scene.hold_view(), wanted),
            Root::Shop => pick(&scene.shop_view(), wanted),
            Root::Now => Ok(None),
        }
    }

    fn value(&self, root: Root) -> Result<Value, cel::SerializationError> {
        let scene = &self.scene;
        match root {
            Root::Event => cel::to_value(scene.event_view()),
            Root::Order => cel::to_value(scene.order_view()),
            Root::Journey => cel::to_value(scene.journey_view()),
            Root::Shipment => cel::to_value(scene.shipment_view()),
            Root::Parcel => cel::to_value(scene.parcel_view()),
            Root::Hold => cel::to_value(scene.hold_view()),
            Root::Shop => cel::to_value(scene.shop_view()),
            Root::Now => cel::to_value(super::view::Moment::from(scene.now)),
        }
    }
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

/// The offset in bytes of a line and a column, both counted from 1.
pub fn offset_of(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or(0);
    let before: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = source.get(before..).unwrap_or("");
    let within = rest.char_indices().nth(usize::try_from(column - 1).unwrap_or(0));
    before + within.map_or(rest.trim_end().len(), |(offset, _)| offset)
}

/// What went wrong, naming names and types but no values.
fn explain(error: &cel::ExecutionError) -> String {
    use cel::ExecutionError as E;
    match error {
        E::NoSuchKey(key) => format!("there is no '{key}' here"),
        E::UndeclaredReference(name) => format!("'{name}' is not known"),
        E::NoSuchOverload(overload) => overload.to_string(),
        E::UnexpectedType { got, want } => format!("found {got} where {want} is needed"),
        E::DivisionByZero(_) | E::RemainderByZero(_) => "division by zero".to_owned(),
        E::IndexOutOfBounds(_) => "there is no such element in the list".to_owned(),
        E::FunctionError { function, .. } => format!("'{function}' failed"),
        _ => "its parts do not fit together".to_owned(),
    }
}

/// Walks the parsed condition and holds its paths against the schema.
struct Walk<'p> {
    flaws: Vec<Flaw>,
    /// What it names of each root; `None`: the root itself.
    named: BTreeSet<(Root, Option<String>)>,
    /// Names bound by `exists`, `all`, `filter` and `map`, with the schema of what they stand for.
    bound: Vec<(String, Option<&'static serde_json::Value>)>,
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
        Root::ALL.iter().find(|(known, _)| *known == name && !is_bound).map(|(_, root)| *root)
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
            self.flaw(id, format!("'{name}' is not known"), name, Root::ALL.iter().map(|(name, _)| *name));
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
