//! The parameters of a query that a handler reads by itself, as the document says them: a client that is made from the
//! document can send no others.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{
        models::{DataType, DataTypeFormat, DefaultOperationRaw, DefaultSchemaRaw, Either, Parameter, ParameterIn},
        schema::Apiv2Schema,
    },
};

use super::problem::Problem;

/// One parameter.
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Whether there is no answer without it.
    pub required: bool,
    /// Whether it is an id rather than any text.
    pub id: bool,
}

/// The parameters of one operation.
pub trait Params: 'static {
    /// All of them.
    const ALL: &'static [Param];
}

/// An argument of a handler that only declares: the handler reads the query, and says what is wrong with it.
pub struct Declares<P>(PhantomData<P>);

impl<P: Params> FromRequest for Declares<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(PhantomData)))
    }
}

impl<P> Apiv2Schema for Declares<P> {}

impl<P: Params> OperationModifier for Declares<P> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        op.parameters.extend(P::ALL.iter().map(|param| {
            Either::Right(Parameter {
                in_: ParameterIn::Query,
                name: param.name.to_owned(),
                description: Some(param.doc.to_owned()),
                required: param.required,
                data_type: Some(DataType::String),
                format: param.id.then_some(DataTypeFormat::Uuid),
                min_length: param.required.then_some(1),
                ..Parameter::default()
            })
        }));
    }

    fn update_definitions(_: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {}
}
