//! What an operation answers with, as its return type says it to the document: the resource, a new one, a list.

use std::marker::PhantomData;

use super::shape::Shaped;

/// What a reply is documented as.
pub trait Documented: 'static {
    /// The status.
    const STATUS: &'static str;
    /// Another status, and whether the same body comes with it.
    const ALSO: Option<(&'static str, bool)> = None;
    /// The name of the shape; none without a body.
    fn shape() -> Option<String>;
}

/// 200 with a shape.
pub struct Is<S>(PhantomData<S>);
/// 201 with a shape.
pub struct New<S>(PhantomData<S>);
/// 202 with a shape.
pub struct Begun<S>(PhantomData<S>);
/// 200 with a shape, or 202 with it where the work goes on.
pub struct DoneOrBegun<S>(PhantomData<S>);
/// 200 with a shape, or 202 with nothing where no answer is wanted.
pub struct DoneOrNoted<S>(PhantomData<S>);
/// 200 with a shape, or with a picture of it where `Accept` asks for one.
pub struct Pictured<S>(PhantomData<S>);
/// 200 with an empty table, or with a shape that describes it where `Accept` asks for that.
pub struct Templated<S>(PhantomData<S>);
/// 200 with a page of a shape, which can also be had whole as a file.
pub struct Listed<S>(PhantomData<S>);
/// 204.
pub struct Nothing;
/// 405: a path that a protocol names for what is not offered here.
pub struct Never;

impl<S: Shaped> Documented for Is<S> {
    const STATUS: &'static str = "200";
    fn shape() -> Option<String> {
        Some(format!("x-shape:{}", S::SHAPE.name))
    }
}

impl<S: Shaped> Documented for New<S> {
    const STATUS: &'static str = "201";
    fn shape() -> Option<String> {
        Some(format!("x-shape:{}", S::SHAPE.name))
    }
}

impl<S: Shaped> Documented for Begun<S> {
    const STATUS: &'static str = "202";
    fn shape() -> Option<String> {
        Some(format!("x-shape:{}", S::SHAPE.name))
    }
}

impl<S: Shaped> Documented for DoneOrBegun<S> {
    const STATUS: &'static str = "200";
    const ALSO: Option<(&'static str, bool)> = Some(("202", true));
    fn shape() -> Option<String> {
        Some(format!("x-shape:{}", S::SHAPE.name))
    }
}

impl<S: Shaped> Documented for DoneOrNoted<S> {
    const STATUS: &'static str = "200";
    const ALSO: Option<(&'static str, bool)> = Some(("202", false));
    fn shape() -> Option<String> {
        Some(format!("x-shape:{}", S::SHAPE.name))
    }
}

/// One of two shapes.
impl<A: Shaped, B: Shaped> Documented for New<(A, B)> {
    const STATUS: &'static str = "201";
    fn shape() -> Option<String> {
        Some(format!("x-shape:{}|{}", A::SHAPE.name, B::SHAPE.name))
    }
}

impl<S: Shaped> Documented for Pictured<S> {
    const STATUS: &'static str = "200";
    fn shape() -> Option<String> {
        Some(format!("x-shape:{}+svg", S::SHAPE.name))
    }
}

impl<S: Shaped> Documented for Templated<S> {
    const STATUS: &'static str = "200";
    fn shape() -> Option<String> {
        Some(format!("x-shape:{}+csv", S::SHAPE.name))
    }
}

impl<S: Shaped> Documented for Listed<S> {
    const STATUS: &'static str = "200";
    fn shape() -> Option<String> {
        Some(format!("x-list:{}", S::SHAPE.name))
    }
}

impl Documented for Nothing {
    const STATUS: &'static str = "204";
    fn shape() -> Option<String> {
        None
    }
}

impl Documented for Never {
    const STATUS: &'static str = "405";
    fn shape() -> Option<String> {
        None
    }
}
