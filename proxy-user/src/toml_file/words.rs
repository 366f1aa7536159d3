//! Values that are one of a few words.
//!
//! This is only about the words; their meaning is documented where the enum is declared.

use super::mistake::ValueError;
use super::nearest::nearest;
use super::quote::quote;

/// Declares an enum whose variants can be parsed (`FromStr`) and displayed as words.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$inner:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$inner])* $variant,)+
        }

        impl $name {
            /// Every word with its variant, in the order of the documentation.
            pub const WORDS: &[(&str, Self)] = &[$(($word, Self::$variant)),+];
        }

        impl std::str::FromStr for $name {
            type Err = $crate::toml_file::ValueError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::toml_file::choose(text, Self::WORDS)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),+ })
            }
        }
    };
}
pub(crate) use words;

/// The value that a word stands for.
pub(crate) fn choose<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, ValueError> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let list = names.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let fix = match nearest(text, &names) {
        Some(word) => format!("did you mean \"{word}\"?"),
        None => "write one of these".to_owned(),
    };
    Err(ValueError::new(format!("{} is not one of {list}", quote(text)), fix))
}
