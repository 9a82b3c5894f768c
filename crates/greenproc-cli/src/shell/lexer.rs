//! From text to tokens.

use std::iter::Peekable;
use std::str::CharIndices;

use super::syntax::{Channel, Parameter, Part, Quoting, Word};

/// What a script consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A word.
    Word(Word),
    /// `|`
    Pipe,
    /// `;`
    Semicolon,
    /// `&`
    Ampersand,
    /// `&&`
    And,
    /// `||`
    Or,
    /// The end of a line.
    Newline,
    /// `<`
    Less,
    /// `>`, `2>`
    Greater(Channel),
    /// `>>`, `2>>`
    GreaterGreater(Channel),
    /// `>&`, `2>&`
    GreaterAmpersand(Channel),
}

/// A token, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spanned {
    /// What it is.
    pub(crate) token: Token,
    /// The line it begins in.
    pub(crate) line: usize,
    /// Its first byte in the text.
    pub(crate) start: usize,
    /// The byte after its last.
    pub(crate) end: usize,
}

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: syntax error: {what}")]
pub(crate) struct SyntaxError {
    /// Where.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) what: String,
    /// Whether more text could make it right.
    pub(crate) remedy: Remedy,
}

/// Whether more text could help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The text may go on.
    More,
    /// It is wrong whatever follows.
    None,
}

impl SyntaxError {
    /// It is wrong whatever follows.
    pub(crate) fn wrong(line: usize, what: impl Into<String>) -> SyntaxError {
        SyntaxError { line, what: what.into(), remedy: Remedy::None }
    }

    /// Something is still to come.
    pub(crate) fn unfinished(line: usize, what: impl Into<String>) -> SyntaxError {
        SyntaxError { line, what: what.into(), remedy: Remedy::More }
    }
}

/// Reads a text whose first line has this number.
pub(crate) fn tokens(text: &str, first_line: usize) -> Result<Vec<Spanned>, SyntaxError> {
    let mut lexer = Lexer { text, chars: text.char_indices().peekable(), line: first_line };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    line: usize,
}

impl Lexer<'_> {
    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|&(_, character)| character)
    }

    fn next(&mut self) -> Option<char> {
        let (_, character) = self.chars.next()?;
        if character == '\n' {
            self.line += 1;
        }
        Some(character)
    }

    fn next_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.next();
        }
        found
    }

    fn place(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |&(place, _)| place)
    }

    fn rest(&mut self) -> &str {
        let place = self.place();
        &self.text[place..]
    }

    fn token(&mut self) -> Result<Option<Spanned>, SyntaxError> {
        self.skip_blanks()?;
        let (line, start) = (self.line, self.place());
        let Some(first) = self.peek() else { return Ok(None) };
        let token = match first {
            '\n' => self.operator(Token::Newline),
            ';' => self.operator(Token::Semicolon),
            '|' if self.rest().starts_with("||") => self.long_operator(Token::Or),
            '|' => self.operator(Token::Pipe),
            '&' if self.rest().starts_with("&&") => self.long_operator(Token::And),
            '&' => self.operator(Token::Ampersand),
            '(' | ')' => {
                return Err(SyntaxError::wrong(
                    line,
                    format!("'{first}': this shell has no compound commands"),
                ));
            }
            '<' | '>' => self.redirection(None)?,
            '0'..='9' if matches!(self.rest().as_bytes().get(1), Some(b'<' | b'>')) => {
                self.next();
                self.redirection(Some(first))?
            }
            _ => Token::Word(self.word()?),
        };
        Ok(Some(Spanned { token, line, start, end: self.place() }))
    }

    fn operator(&mut self, token: Token) -> Token {
        self.next();
        token
    }

    fn long_operator(&mut self, token: Token) -> Token {
        self.next();
        self.operator(token)
    }

    /// Blanks, comments and lines that a backslash joins.
    fn skip_blanks(&mut self) -> Result<(), SyntaxError> {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => {
                    self.next();
                }
                Some('#') => {
                    while self.peek().is_some_and(|character| character != '\n') {
                        self.next();
                    }
                }
                Some('\\') if self.rest().starts_with("\\\n") => self.join_lines()?,
                _ => return Ok(()),
            }
        }
    }

    fn join_lines(&mut self) -> Result<(), SyntaxError> {
        self.next();
        self.next();
        match self.peek() {
            Some(_) => Ok(()),
            None => Err(SyntaxError::unfinished(self.line, "a line is to follow the backslash")),
        }
    }

    fn redirection(&mut self, descriptor: Option<char>) -> Result<Token, SyntaxError> {
        let line = self.line;
        let output = || match descriptor {
            None | Some('1') => Ok(Channel::Out),
            Some('2') => Ok(Channel::Err),
            Some(other) => {
                Err(SyntaxError::wrong(line, format!("{other}>: output has the descriptors 1 and 2 only")))
            }
        };
        if self.next_if('<') {
            return match (self.peek(), descriptor) {
                (Some(next @ ('<' | '>' | '&')), _) => {
                    Err(SyntaxError::wrong(line, format!("'<{next}' is not part of this shell")))
                }
                (_, None | Some('0')) => Ok(Token::Less),
                (_, Some(other)) => {
                    Err(SyntaxError::wrong(line, format!("{other}<: input has the descriptor 0 only")))
                }
            };
        }
        self.next();
        if self.next_if('>') {
            Ok(Token::GreaterGreater(output()?))
        } else if self.next_if('&') {
            Ok(Token::GreaterAmpersand(output()?))
        } else {
            // `>|` overwrites in any case, and so does `>` here.
            self.next_if('|');
            Ok(Token::Greater(output()?))
        }
    }

    fn word(&mut self) -> Result<Word, SyntaxError> {
        let mut parts = Parts::default();
        loop {
            match self.peek() {
                None | Some(' ' | '\t' | '\r' | '\n' | ';' | '|' | '&' | '<' | '>' | '(' | ')') => break,
                Some('\'') => self.single_quotes(&mut parts)?,
                Some('"') => self.double_quotes(&mut parts)?,
                Some('\\') if self.rest().starts_with("\\\n") => self.join_lines()?,
                Some('\\') => {
                    self.next();
                    // A backslash that ends the text stands for itself.
                    parts.quoted(self.next().unwrap_or('\\'));
                }
                Some('$') => self.dollar(&mut parts, Quoting::Bare)?,
                Some('`') => return Err(self.no_substitution()),
                Some(other) => {
                    self.next();
                    parts.plain(other);
                }
            }
        }
        Ok(Word { parts: parts.0 })
    }

    fn no_substitution(&self) -> SyntaxError {
        SyntaxError::wrong(self.line, "command substitution is not part of this shell")
    }

    fn single_quotes(&mut self, parts: &mut Parts) -> Result<(), SyntaxError> {
        let line = self.line;
        self.next();
        parts.open_quotes();
        loop {
            match self.next() {
                None => return Err(SyntaxError::unfinished(line, "a quote ' has no end")),
                Some('\'') => return Ok(()),
                Some(other) => parts.quoted(other),
            }
        }
    }

    fn double_quotes(&mut self, parts: &mut Parts) -> Result<(), SyntaxError> {
        let line = self.line;
        self.next();
        parts.open_quotes();
        loop {
            match self.peek() {
                None => return Err(SyntaxError::unfinished(line, "a quote \" has no end")),
                Some('"') => {
                    self.next();
                    return Ok(());
                }
                Some('$') => self.dollar(parts, Quoting::Double)?,
                Some('`') => return Err(self.no_substitution()),
                Some('\\') => {
                    self.next();
                    match self.peek() {
                        Some('\n') => {
                            self.next();
                        }
                        Some(escaped @ ('$' | '`' | '"' | '\\')) => {
                            self.next();
                            parts.quoted(escaped);
                        }
                        _ => parts.quoted('\\'),
                    }
                }
                Some(other) => {
                    self.next();
                    parts.quoted(other);
                }
            }
        }
    }

    fn dollar(&mut self, parts: &mut Parts, quoting: Quoting) -> Result<(), SyntaxError> {
        self.next();
        let parameter = match self.peek() {
            Some('(') => return Err(self.no_substitution()),
            Some('{') => self.braces()?,
            Some(digit @ '0'..='9') => {
                self.next();
                Parameter::Position(digit as usize - '0' as usize)
            }
            Some(character) => match special(character) {
                Some(parameter) => {
                    self.next();
                    parameter
                }
                None if is_name_start(character) => Parameter::Variable(self.name()),
                None => {
                    parts.dollar(quoting);
                    return Ok(());
                }
            },
            None => {
                parts.dollar(quoting);
                return Ok(());
            }
        };
        parts.0.push(Part::Parameter(parameter, quoting));
        Ok(())
    }

    fn braces(&mut self) -> Result<Parameter, SyntaxError> {
        let line = self.line;
        self.next();
        let mut inside = String::new();
        loop {
            match self.next() {
                None => return Err(SyntaxError::unfinished(line, "a brace ${ has no end")),
                Some('}') => break,
                Some(other) => inside.push(other),
            }
        }
        let mut characters = inside.chars();
        match (characters.next(), characters.next()) {
            (Some(only), None) if special(only).is_some() => special(only),
            _ if is_name(&inside) => Some(Parameter::Variable(inside.clone())),
            _ => inside.parse().ok().map(Parameter::Position),
        }
        .ok_or_else(|| {
            SyntaxError::wrong(line, format!("${{{inside}}}: only a name or a number can stand here"))
        })
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(character) = self.peek().filter(|&character| is_name_part(character)) {
            name.push(character);
            self.next();
        }
        name
    }
}

fn special(character: char) -> Option<Parameter> {
    match character {
        '?' => Some(Parameter::Status),
        '$' => Some(Parameter::Shell),
        '!' => Some(Parameter::Background),
        '#' => Some(Parameter::Count),
        '@' => Some(Parameter::Each),
        '*' => Some(Parameter::Joined),
        _ => None,
    }
}

fn is_name_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_'
}

fn is_name_part(character: char) -> bool {
    is_name_start(character) || character.is_ascii_digit()
}

/// Whether a variable can be called so.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(is_name_start) && text.chars().all(is_name_part)
}

/// The parts of a word so far; neighbours of a kind are one part.
#[derive(Default)]
struct Parts(Vec<Part>);

impl Parts {
    fn plain(&mut self, character: char) {
        match self.0.last_mut() {
            Some(Part::Plain(text)) => text.push(character),
            _ => self.0.push(Part::Plain(character.into())),
        }
    }

    fn quoted(&mut self, character: char) {
        match self.0.last_mut() {
            Some(Part::Quoted(text)) => text.push(character),
            _ => self.0.push(Part::Quoted(character.into())),
        }
    }

    /// Quotes make a word even if nothing is in them.
    fn open_quotes(&mut self) {
        if !matches!(self.0.last(), Some(Part::Quoted(_))) {
            self.0.push(Part::Quoted(String::new()));
        }
    }

    /// A dollar sign that nothing follows stands for itself.
    fn dollar(&mut self, quoting: Quoting) {
        match quoting {
            Quoting::Bare => self.plain('$'),
            Quoting::Double => self.quoted('$'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<Part>> {
        let words = tokens(text, 1).expect("readable").into_iter().map(|spanned| match spanned.token {
            Token::Word(word) => word.parts,
            other => panic!("{text}: {other:?}"),
        });
        words.collect()
    }

    fn kinds(text: &str) -> Vec<Token> {
        tokens(text, 1).expect("readable").into_iter().map(|spanned| spanned.token).collect()
    }

    fn plain(text: &str) -> Part {
        Part::Plain(text.to_owned())
    }

    fn quoted(text: &str) -> Part {
        Part::Quoted(text.to_owned())
    }

    fn variable(name: &str, quoting: Quoting) -> Part {
        Part::Parameter(Parameter::Variable(name.to_owned()), quoting)
    }

    #[test]
    fn quotes_and_backslashes_protect() {
        assert_eq!(words("a b\tc"), [[plain("a")], [plain("b")], [plain("c")]]);
        assert_eq!(words("'a b'"), [[quoted("a b")]]);
        assert_eq!(words("''"), [[quoted("")]]);
        assert_eq!(words(r#""a \" \$ \x""#), [[quoted(r#"a " $ \x"#)]]);
        assert_eq!(words(r"a\ b"), [[plain("a"), quoted(" "), plain("b")]]);
        assert_eq!(words("'$x'\"y\""), [[quoted("$xy")]]);
        assert_eq!(words("a\\\nb"), [[plain("ab")]]);
        assert_eq!(words("x # a comment | & ;"), [[plain("x")]]);
        assert_eq!(words("x#y"), [[plain("x#y")]]);
    }

    #[test]
    fn parameters_are_found() {
        assert_eq!(words("$x"), [[variable("x", Quoting::Bare)]]);
        assert_eq!(words("\"$x\""), [[quoted(""), variable("x", Quoting::Double)]]);
        assert_eq!(words("${x}y"), [[variable("x", Quoting::Bare), plain("y")]]);
        assert_eq!(words("$?"), [[Part::Parameter(Parameter::Status, Quoting::Bare)]]);
        assert_eq!(words("${12}"), [[Part::Parameter(Parameter::Position(12), Quoting::Bare)]]);
        assert_eq!(words("$12"), [[Part::Parameter(Parameter::Position(1), Quoting::Bare), plain("2")]]);
        assert_eq!(words("$ a$"), [[plain("$")], [plain("a$")]]);
    }

    #[test]
    fn operators_need_no_blanks() {
        let word = |text: &str| Token::Word(Word { parts: vec![plain(text)] });
        assert_eq!(kinds("a|b"), [word("a"), Token::Pipe, word("b")]);
        assert_eq!(
            kinds("a&&b||c&"),
            [word("a"), Token::And, word("b"), Token::Or, word("c"), Token::Ampersand]
        );
        assert_eq!(kinds("a;\n"), [word("a"), Token::Semicolon, Token::Newline]);
        assert_eq!(kinds("a>b"), [word("a"), Token::Greater(Channel::Out), word("b")]);
        assert_eq!(kinds("a 2>>b"), [word("a"), Token::GreaterGreater(Channel::Err), word("b")]);
        assert_eq!(kinds("a 2>&1"), [word("a"), Token::GreaterAmpersand(Channel::Err), word("1")]);
        assert_eq!(kinds("a2>b"), [word("a2"), Token::Greater(Channel::Out), word("b")]);
        assert_eq!(kinds("a 0<b"), [word("a"), Token::Less, word("b")]);
    }

    #[test]
    fn what_may_go_on_is_told_from_what_is_wrong() {
        for text in ["'a", "\"a", "\"a\\", "${x", "a \\\n"] {
            assert_eq!(tokens(text, 1).expect_err(text).remedy, Remedy::More, "{text}");
        }
        for text in ["(a)", "$(a)", "`a`", "\"$(a)\"", "a <<b", "3>a", "1<a", "${a:-b}", "${}"] {
            assert_eq!(tokens(text, 1).expect_err(text).remedy, Remedy::None, "{text}");
        }
    }

    #[test]
    fn an_error_names_its_line() {
        assert_eq!(tokens("a\nb\n'c\n", 7).expect_err("unfinished").line, 9);
        assert_eq!(
            tokens("a\n(b)", 1).expect_err("wrong").to_string(),
            "line 2: syntax error: '(': this shell has no compound commands"
        );
    }
}
