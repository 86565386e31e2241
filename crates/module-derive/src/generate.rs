//! Writes the implementation: a pattern and a visit per field. Types keep the tokens of the annotated code, so that
//! the compiler points at the field that is no module.

use proc_macro::{Delimiter, Group, Literal, Span, TokenStream, TokenTree};

use crate::parse::{Field, Item, Variant};

/// Rust text as tokens. All texts are constants of this file and names that the compiler has read before.
fn code(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}

fn group(delimiter: Delimiter, inside: TokenStream) -> TokenStream {
    TokenTree::Group(Group::new(delimiter, inside)).into()
}

fn concat(parts: impl IntoIterator<Item = TokenStream>) -> TokenStream {
    parts.into_iter().collect()
}

/// `compile_error!("…")` at `span`.
pub(crate) fn error(span: Span, message: &str) -> TokenStream {
    let literal = group(Delimiter::Parenthesis, TokenTree::Literal(Literal::string(message)).into());
    let tokens = concat([code("::core::compile_error!"), literal, code(";")]);
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(span);
            token
        })
        .collect()
}

/// Whether a type mentions one of the names, at any depth.
fn mentions(ty: &TokenStream, names: &[String]) -> bool {
    ty.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.contains(&ident.to_string()),
        TokenTree::Group(group) => mentions(&group.stream(), names),
        _ => false,
    })
}

/// The conditions under which the type is a module, beside its own.
fn conditions(item: &Item, module: &TokenStream) -> TokenStream {
    let types = || item.generics.iter().filter(|generic| generic.is_type);
    let free: Vec<String> =
        types().filter(|generic| !generic.is_bounded).map(|generic| generic.argument.to_string()).collect();
    // A type that holds itself would otherwise be a module only if it is one.
    let own = [item.name.to_string(), "Self".to_owned()];
    let needed = |ty: &TokenStream| {
        let is_parameter = types().any(|generic| generic.argument.to_string() == ty.to_string());
        (is_parameter || mentions(ty, &free)) && !mentions(ty, &own)
    };
    let fields = item.variants.iter().flat_map(|variant| &variant.fields);
    let fields = fields.filter(|field| needed(&field.ty));
    concat(fields.map(|field| concat([field.ty.clone(), code(":"), module.clone(), code(",")])))
}

/// `<Type as Module>::method(__fieldN, __path, __visitor);`, one step further down unless the field is flattened.
fn visit(number: usize, field: &Field, module: &TokenStream, method: &str) -> TokenStream {
    let call = concat([
        code("<"),
        field.ty.clone(),
        code("as"),
        module.clone(),
        code(&format!(">::{method}(__field{number}, __path, __visitor)")),
    ]);
    match &field.name {
        None => concat([call, code(";")]),
        Some(name) => {
            let name = TokenTree::Literal(Literal::string(name)).into();
            let arguments = concat([name, code(", |__path|"), call]);
            concat([code("__path.enter"), group(Delimiter::Parenthesis, arguments), code(";")])
        }
    }
}

/// `Self::Name { member: __field0, .. } => { … }`; numbers are members too.
fn arm(variant: &Variant, module: &TokenStream, method: &str) -> TokenStream {
    let name = match &variant.name {
        None => code("Self"),
        Some(name) => concat([code("Self::"), TokenTree::Ident(name.clone()).into()]),
    };
    let bind = |(number, field): (usize, &Field)| {
        concat([field.member.clone().into(), code(&format!(": __field{number},"))])
    };
    let pattern = concat(variant.fields.iter().enumerate().map(bind).chain([code("..")]));
    let visits = variant.fields.iter().enumerate().map(|(i, field)| visit(i, field, module, method));
    concat([name, group(Delimiter::Brace, pattern), code("=>"), group(Delimiter::Brace, concat(visits))])
}

/// The body of a method: a match over the variants.
fn body(item: &Item, module: &TokenStream, method: &str) -> TokenStream {
    let arms = item.variants.iter().map(|variant| arm(variant, module, method));
    let subject = if item.variants.is_empty() { "match *self" } else { "match self" };
    group(Delimiter::Brace, concat([code(subject), group(Delimiter::Brace, concat(arms))]))
}

/// `impl Module for …`, with the trait at `home`.
pub(crate) fn implementation(item: &Item, home: &str) -> TokenStream {
    let module = code(&format!("{home}::Module"));
    let list = |pick: fn(&crate::parse::Generic) -> &TokenStream| {
        concat(item.generics.iter().map(|generic| concat([pick(generic).clone(), code(",")])))
    };
    let shared = format!(
        "fn visit<'__a>(&'__a self, __path: &mut {home}::Path, __visitor: &mut {home}::Visitor<'_, '__a>)"
    );
    let unique =
        format!("fn visit_mut(&mut self, __path: &mut {home}::Path, __visitor: &mut {home}::VisitorMut<'_>)");
    let methods = concat([
        code(&shared),
        body(item, &module, "visit"),
        code(&unique),
        body(item, &module, "visit_mut"),
    ]);
    let own = item.conditions.clone();
    let comma = if own.is_empty() || own.to_string().trim_end().ends_with(',') { "" } else { "," };
    concat([
        code("#[automatically_derived] impl <"),
        list(|generic| &generic.declaration),
        code(">"),
        module.clone(),
        code("for"),
        TokenTree::Ident(item.name.clone()).into(),
        code("<"),
        list(|generic| &generic.argument),
        code("> where"),
        own,
        code(comma),
        conditions(item, &module),
        group(Delimiter::Brace, methods),
    ])
}
