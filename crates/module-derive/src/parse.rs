//! Reads the annotated type: its name, generics, and per variant the fields. Knows Rust's syntax of items as far as
//! that takes, and nothing of what is generated.

use proc_macro::{Delimiter, Group, Ident, Literal, Spacing, Span, TokenStream, TokenTree};

use crate::Error;

/// A type parameter: its declaration without the default, and what it is called where it is used.
pub(crate) struct Generic {
    pub(crate) declaration: TokenStream,
    pub(crate) argument: TokenStream,
    /// A type (not a lifetime, not a constant), and whether it is declared with bounds.
    pub(crate) is_type: bool,
    pub(crate) is_bounded: bool,
}

/// A field that the walk visits.
pub(crate) struct Field {
    /// How patterns name it: an identifier or a number.
    pub(crate) member: TokenTree,
    /// How paths name it; `None` if its entries take its place.
    pub(crate) name: Option<String>,
    pub(crate) ty: TokenStream,
}

/// A variant, or a struct, which has one without a name.
pub(crate) struct Variant {
    pub(crate) name: Option<Ident>,
    pub(crate) fields: Vec<Field>,
}

/// A struct or an enum.
pub(crate) struct Item {
    pub(crate) name: Ident,
    pub(crate) generics: Vec<Generic>,
    pub(crate) conditions: TokenStream,
    pub(crate) variants: Vec<Variant>,
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<TokenTree>>;

fn tokens(stream: impl IntoIterator<Item = TokenTree>) -> Tokens {
    stream.into_iter().collect::<Vec<_>>().into_iter().peekable()
}

fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == sign)
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident.to_string() == word)
}

/// Follows the depth of angle brackets; the arrow of `Fn() -> T` closes none.
#[derive(Default)]
struct Angles {
    depth: usize,
    after_dash: bool,
}

impl Angles {
    /// Whether the token stands outside of all angle brackets.
    fn outside(&mut self, token: &TokenTree) -> bool {
        if is_punct(Some(token), '<') {
            self.depth += 1;
        } else if is_punct(Some(token), '>') && !self.after_dash {
            self.depth = self.depth.saturating_sub(1);
        }
        self.after_dash =
            matches!(token, TokenTree::Punct(p) if p.as_char() == '-' && p.spacing() == Spacing::Joint);
        self.depth == 0
    }
}

/// The parts between commas, outside of angle brackets if the parts are types.
fn split(stream: impl IntoIterator<Item = TokenTree>, types: bool) -> Vec<Vec<TokenTree>> {
    let (mut parts, mut angles) = (vec![Vec::new()], Angles::default());
    for token in stream {
        let outside = !types || angles.outside(&token);
        if outside && is_punct(Some(&token), ',') {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(token);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Takes attributes and answers the contents of those that are called `module`.
fn attributes(tokens: &mut Tokens) -> Vec<(Span, TokenStream)> {
    let mut found = Vec::new();
    while is_punct(tokens.peek(), '#') {
        tokens.next();
        let Some(TokenTree::Group(group)) = tokens.next() else { break };
        let mut inside = group.stream().into_iter();
        if is_word(inside.next().as_ref(), "module") {
            let contents = match inside.next() {
                Some(TokenTree::Group(arguments)) => arguments.stream(),
                _ => TokenStream::new(),
            };
            found.push((group.span(), contents));
        }
    }
    found
}

/// Takes `pub`, `pub(crate)` and the like; a parenthesis that opens a tuple type stays.
fn visibility(tokens: &mut Tokens) {
    let is_scope = |group: &Group| {
        let first = group.stream().into_iter().next();
        group.delimiter() == Delimiter::Parenthesis
            && ["crate", "self", "super", "in"].iter().any(|word| is_word(first.as_ref(), word))
    };
    let is_passed = |group: &Group| {
        // What a macro captured as `$vis:vis`.
        let first = group.stream().into_iter().next();
        group.delimiter() == Delimiter::None && (first.is_none() || is_word(first.as_ref(), "pub"))
    };
    if tokens.next_if(|t| matches!(t, TokenTree::Group(group) if is_passed(group))).is_none()
        && tokens.next_if(|t| is_word(Some(t), "pub")).is_some()
    {
        tokens.next_if(|t| matches!(t, TokenTree::Group(group) if is_scope(group)));
    }
}

fn identifier(tokens: &mut Tokens) -> Result<Ident, Error> {
    match tokens.next() {
        Some(TokenTree::Ident(ident)) => Ok(ident),
        other => {
            Err((other.map_or_else(Span::call_site, |t| t.span()), "derive(Module): no name here".into()))
        }
    }
}

/// What `#[module(…)]` says of a field.
#[derive(Default)]
struct Options {
    skip: bool,
    flatten: bool,
    rename: Option<String>,
}

fn options(attributes: Vec<(Span, TokenStream)>) -> Result<Options, Error> {
    let mut options = Options::default();
    for (span, contents) in attributes {
        let arguments = split(contents, false);
        if arguments.is_empty() {
            return Err((span, "module: says nothing; write #[module(skip)] to leave the field out".into()));
        }
        for argument in arguments {
            match argument.as_slice() {
                [word] if is_word(Some(word), "skip") => options.skip = true,
                [word] if is_word(Some(word), "flatten") => options.flatten = true,
                [word, equals, TokenTree::Literal(name)]
                    if is_word(Some(word), "rename") && is_punct(Some(equals), '=') =>
                {
                    options.rename = Some(renamed(name)?);
                }
                other => {
                    let text = other.iter().cloned().collect::<TokenStream>().to_string();
                    let known = r#"skip, flatten and rename = "name""#;
                    let span = other.first().map_or(span, TokenTree::span);
                    return Err((span, format!("module: unknown argument `{text}`; there are {known}")));
                }
            }
        }
    }
    Ok(options)
}

/// The name in a string literal: one step of a path.
fn renamed(literal: &Literal) -> Result<String, Error> {
    let text = literal.to_string();
    let name = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match name.filter(|name| !name.is_empty() && !name.contains(['\\', '.', '"'])) {
        Some(name) => Ok(name.to_owned()),
        None => Err((
            literal.span(),
            format!("module: no name for a field: {text}; give a plain string without dots"),
        )),
    }
}

fn fields(group: &Group) -> Result<Vec<Field>, Error> {
    let named = group.delimiter() == Delimiter::Brace;
    let mut out = Vec::new();
    for (number, part) in split(group.stream(), true).into_iter().enumerate() {
        let mut part = tokens(part);
        let options = options(attributes(&mut part))?;
        visibility(&mut part);
        let (member, name) = if named {
            let ident = identifier(&mut part)?;
            part.next_if(|t| is_punct(Some(t), ':'));
            let text = ident.to_string();
            (TokenTree::Ident(ident), text.strip_prefix("r#").unwrap_or(&text).to_owned())
        } else {
            (TokenTree::Literal(Literal::usize_unsuffixed(number)), number.to_string())
        };
        if !options.skip {
            let name = if options.flatten { None } else { Some(options.rename.unwrap_or(name)) };
            out.push(Field { member, name, ty: part.collect() });
        }
    }
    Ok(out)
}

fn generic(part: Vec<TokenTree>) -> Result<Generic, Error> {
    let mut part = tokens(part);
    attributes(&mut part);
    let mut angles = Angles::default();
    let mut declaration: Vec<TokenTree> = Vec::new();
    for token in part {
        if angles.outside(&token) && is_punct(Some(&token), '=') {
            break;
        }
        declaration.push(token);
    }
    let lifetime = is_punct(declaration.first(), '\'');
    let constant = is_word(declaration.first(), "const");
    let argument = match (lifetime, constant) {
        (true, _) => declaration.iter().take(2).cloned().collect(),
        (_, true) => declaration.iter().skip(1).take(1).cloned().collect(),
        _ => declaration.iter().take(1).cloned().collect(),
    };
    let is_bounded = declaration.len() > 1;
    let declaration = declaration.into_iter().collect();
    Ok(Generic { declaration, argument, is_type: !lifetime && !constant, is_bounded })
}

/// Takes `<…>` and answers its parameters.
fn generics(tokens: &mut Tokens) -> Result<Vec<Generic>, Error> {
    if !is_punct(tokens.peek(), '<') {
        return Ok(Vec::new());
    }
    let (mut angles, mut inside) = (Angles::default(), Vec::new());
    for token in tokens.by_ref() {
        let closed = angles.outside(&token);
        inside.push(token);
        if closed {
            break;
        }
    }
    inside.pop();
    split(inside.into_iter().skip(1), true).into_iter().map(generic).collect()
}

/// Takes `where …` up to the body or the semicolon, and answers what follows `where`.
fn conditions(tokens: &mut Tokens) -> TokenStream {
    let mut out = Vec::new();
    if tokens.next_if(|t| is_word(Some(t), "where")).is_some() {
        let ends = |t: &TokenTree| {
            is_punct(Some(t), ';') || matches!(t, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace)
        };
        while let Some(token) = tokens.next_if(|t| !ends(t)) {
            out.push(token);
        }
    }
    out.into_iter().collect()
}

/// Takes a group with one of two delimiters, if there is one.
fn body(tokens: &mut Tokens) -> Option<Group> {
    match tokens.next_if(|t| matches!(t, TokenTree::Group(g) if g.delimiter() != Delimiter::None)) {
        Some(TokenTree::Group(group)) => Some(group),
        _ => None,
    }
}

fn variant(part: Vec<TokenTree>) -> Result<Variant, Error> {
    let mut part = tokens(part);
    if let Some((span, _)) = attributes(&mut part).first() {
        return Err((*span, "module: belongs on a field of the variant, not on the variant".into()));
    }
    let name = identifier(&mut part)?;
    let fields = body(&mut part).map_or(Ok(Vec::new()), |group| fields(&group))?;
    Ok(Variant { name: Some(name), fields })
}

/// Reads a whole `struct` or `enum`.
pub(crate) fn item(stream: TokenStream) -> Result<Item, Error> {
    let mut tokens = tokens(stream);
    if let Some((span, _)) = attributes(&mut tokens).first() {
        return Err((*span, "module: belongs on a field, not on the type".into()));
    }
    visibility(&mut tokens);
    let kind = identifier(&mut tokens)?;
    let name = identifier(&mut tokens)?;
    let generics = generics(&mut tokens)?;
    let before = conditions(&mut tokens);
    let body = body(&mut tokens);
    let conditions = if before.is_empty() { conditions(&mut tokens) } else { before };
    let variants = match kind.to_string().as_str() {
        "struct" => {
            let fields = body.map_or(Ok(Vec::new()), |group| fields(&group))?;
            vec![Variant { name: None, fields }]
        }
        "enum" => {
            let parts = body.map_or(Vec::new(), |group| split(group.stream(), false));
            parts.into_iter().map(variant).collect::<Result<_, _>>()?
        }
        other => return Err((kind.span(), format!("derive(Module): a {other} cannot be a module"))),
    };
    Ok(Item { name, generics, conditions, variants })
}
