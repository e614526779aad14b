//! Enumerations whose variants have wire names.

/// Declares an enumeration with its wire names: `as_str`, `parse`, `ALL`, `NAMES`.
#[macro_export]
macro_rules! wire_enum {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// All variants.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// Their wire names, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The wire name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The variant of a wire name.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl $crate::resource::Word for $name {
            fn to_word(self) -> &'static str {
                self.as_str()
            }

            fn from_word(name: &str) -> Option<Self> {
                Self::parse(name)
            }
        }

        impl $crate::resource::Codec for $name {
            fn blank() -> Self {
                let [first, ..] = [$(Self::$variant),+];
                first
            }

            fn cell(&self) -> $crate::resource::CellRef<'_> {
                $crate::resource::CellRef::Text(self.as_str())
            }

            fn from_cell(cell: $crate::resource::Cell) -> Result<Self, $crate::resource::Misfit> {
                match cell {
                    $crate::resource::Cell::Text(text) => Self::parse(&text).ok_or($crate::resource::Misfit),
                    _ => Err($crate::resource::Misfit),
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
