//! Takes single facts out of a view: a condition pays for what it names and for nothing else.

use cel::Value;
use serde::ser::{Impossible, Serialize, SerializeStruct, Serializer};

/// What is wrong with a view that has no fields.
type Error = cel::SerializationError;

/// The facts of `view` of which `wanted` says so, by their names; `None` if there is nothing to view.
///
/// # Errors
/// If a fact is none that CEL knows.
pub(super) fn pick(
    view: &impl Serialize,
    wanted: impl FnMut(&str) -> bool,
) -> Result<Option<Vec<(&'static str, Value)>>, Error> {
    view.serialize(Pick { wanted, facts: Vec::new() })
}

struct Pick<W> {
    wanted: W,
    facts: Vec<(&'static str, Value)>,
}

impl<W: FnMut(&str) -> bool> SerializeStruct for Pick<W> {
    type Ok = Option<Vec<(&'static str, Value)>>;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        if (self.wanted)(name) {
            self.facts.push((name, cel::to_value(value)?));
        }
        Ok(())
    }

    fn end(self) -> Result<Self::Ok, Error> {
        Ok(Some(self.facts))
    }
}

/// Views are structs, or none.
macro_rules! no_view {
    ($($method:ident($($argument:ty),*) -> $done:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$done, Error> {
            Err(serde::ser::Error::custom("a view has fields"))
        })*
    };
}

impl<W: FnMut(&str) -> bool> Serializer for Pick<W> {
    type Ok = Option<Vec<(&'static str, Value)>>;
    type Error = Error;
    type SerializeSeq = Impossible<Self::Ok, Error>;
    type SerializeTuple = Impossible<Self::Ok, Error>;
    type SerializeTupleStruct = Impossible<Self::Ok, Error>;
    type SerializeTupleVariant = Impossible<Self::Ok, Error>;
    type SerializeMap = Impossible<Self::Ok, Error>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<Self::Ok, Error>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_none(self) -> Result<Self::Ok, Error> {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, view: &T) -> Result<Self::Ok, Error> {
        view.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, view: &T) -> Result<Self::Ok, Error> {
        view.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Self::Ok, Error> {
        Err(serde::ser::Error::custom("a view has fields"))
    }

    no_view! {
        serialize_bool(bool) -> Self::Ok;
        serialize_i8(i8) -> Self::Ok;
        serialize_i16(i16) -> Self::Ok;
        serialize_i32(i32) -> Self::Ok;
        serialize_i64(i64) -> Self::Ok;
        serialize_u8(u8) -> Self::Ok;
        serialize_u16(u16) -> Self::Ok;
        serialize_u32(u32) -> Self::Ok;
        serialize_u64(u64) -> Self::Ok;
        serialize_f32(f32) -> Self::Ok;
        serialize_f64(f64) -> Self::Ok;
        serialize_char(char) -> Self::Ok;
        serialize_str(&str) -> Self::Ok;
        serialize_bytes(&[u8]) -> Self::Ok;
        serialize_unit() -> Self::Ok;
        serialize_unit_struct(&'static str) -> Self::Ok;
        serialize_unit_variant(&'static str, u32, &'static str) -> Self::Ok;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}
