//! The bodies of routes that no resource declares: a type stands for each shape in handlers' signatures.

pub use grc_kernel::shape::{FromJson, Input, META, Member, ReadError, Shape, Ty, absent, forms, may, must, null};

/// A type that stands for a shape, for handlers' signatures.
pub trait Shaped: 'static {
    /// The shape.
    const SHAPE: &'static Shape;
}

/// Declares shapes: `shapes! { FindingPatch { ... } }`.
#[macro_export]
macro_rules! shapes {
    ($($(#[doc = $doc:literal])+ $(@$stored:ident)? $name:ident [$($members:expr),* $(,)?]),+ $(,)?) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug)]
            pub struct $name;

            impl $crate::http::shape::Shaped for $name {
                const SHAPE: &'static $crate::http::shape::Shape = &$crate::http::shape::Shape {
                    name: stringify!($name),
                    doc: concat!($($doc),+),
                    members: &[$($members),*],
                    view: $crate::shapes!(@view $($stored)?),
                };
            }
        )+

        /// The shapes of this file, for the OpenAPI document.
        pub static SHAPES: &[&$crate::http::shape::Shape] = &[$(<$name as $crate::http::shape::Shaped>::SHAPE),+];
    };
    (@view patch) => { ::grc_kernel::shape::View::Patch };
    (@view stored) => { ::grc_kernel::shape::View::Stored };
    (@view) => { ::grc_kernel::shape::View::Plain };
}
