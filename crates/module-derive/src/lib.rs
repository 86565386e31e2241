//! The Module derive macro of Gradus.
#![forbid(unsafe_code)]

use proc_macro::TokenStream;

/// Placeholder until the walk is generated.
#[proc_macro_derive(Module, attributes(module))]
pub fn module(_: TokenStream) -> TokenStream {
    TokenStream::new()
}
