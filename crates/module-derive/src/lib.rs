//! `#[derive(Module)]`: writes the walk over a type's fields, so that no parameter is forgotten in silence.
//!
//! Why a crate of its own: the compiler wants derive macros in one. Why no parser library: a struct's fields are all it
//! has to find, and whoever uses Gradus would compile that library.
//!
//! It must never know what a module is for: it names the trait and its two methods, nothing else.
#![forbid(unsafe_code)]

mod generate;
mod parse;

use proc_macro::{Span, TokenStream};

/// What is wrong with the annotated type, and where.
type Error = (Span, String);

/// Derives `gradus_module::Module` for a struct or an enum, whose fields are modules in turn.
///
/// A walk visits the fields in declaration order, each under its name; fields of tuple structs and of tuple variants
/// under their number. Generic types work: where a field's type *is* a type parameter, or mentions one that is
/// declared without bounds, that this type is a module becomes a condition. In all other cases the compiler points at
/// the type of a field that is none.
///
/// On a field:
/// * `#[module(skip)]`: neither parameter nor module; the walk leaves it out.
/// * `#[module(rename = "name")]`: the walk calls it so, for checkpoints that do.
/// * `#[module(flatten)]`: its entries stand where the field itself would: no name of its own.
#[proc_macro_derive(Module, attributes(module))]
pub fn module(item: TokenStream) -> TokenStream {
    derive(item, "::gradus_module")
}

/// As the derive macro `Module`, for those who depend on the `gradus` facade alone, which offers it under that name.
#[proc_macro_derive(FacadeModule, attributes(module))]
pub fn facade_module(item: TokenStream) -> TokenStream {
    derive(item, "::gradus::module")
}

fn derive(item: TokenStream, home: &str) -> TokenStream {
    match parse::item(item) {
        Ok(item) => generate::implementation(&item, home),
        Err((span, message)) => generate::error(span, &message),
    }
}
