//! Conditions in CEL, over the names of [`super::view`].

mod paths;
mod pick;
mod spell;
pub mod trace;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cel::{Context, Program, Value};

use pick::pick;

use super::view::Scene;

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
    /// What is known of an order before anything has happened to it.
    const OF_ORDER: [(&'static str, Self); 2] = [("order", Self::Order), ("shop", Self::Shop)];

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
        Self::parse_over(source, &Root::ALL)
    }

    /// Reads a condition over an order alone, which holds or not whatever becomes of it.
    ///
    /// # Errors
    /// Every flaw found.
    pub fn of_order(source: &str) -> Result<Self, Vec<Flaw>> {
        let condition = Self::parse_over(source, &Root::OF_ORDER)?;
        let names_concerns = condition.needs.iter().any(|need| need.fields.iter().any(|field| field == "concerns"));
        if names_concerns {
            let offset = source.find("concerns").unwrap_or(0);
            let what = "'order.concerns' is what follows from it".to_owned();
            return Err(vec![Flaw { offset, what, suggestion: None }]);
        }
        Ok(condition)
    }

    fn parse_over(source: &str, known: &'static [(&'static str, Root)]) -> Result<Self, Vec<Flaw>> {
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
        let (flaws, named) = paths::check(source, &program, known);
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
