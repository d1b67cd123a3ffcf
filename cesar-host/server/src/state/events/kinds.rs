//! Kinds of events with a name on the wire.

/// An enum of kinds: each has its name on the wire, and its meaning for the description.
macro_rules! kinds {
    ($(#[$doc:meta])* $kinds:ident { $($variant:ident $name:literal $meaning:literal)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $kinds {
            $(#[doc = $meaning] $variant,)*
        }

        impl $kinds {
            /// All kinds.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name on the wire.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

pub(crate) use kinds;
