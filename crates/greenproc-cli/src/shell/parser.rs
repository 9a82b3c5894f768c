//! From tokens to commands.

use super::lexer::{self, Spanned, SyntaxError, Token, is_name};
use super::syntax::{
    AndOr, Assignment, Channel, Condition, Ground, Item, List, Part, Pipeline, Redirection, Simple, Word,
};

/// The words with which `sh` begins and continues what this shell does not have.
const RESERVED: [&str; 15] = [
    "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "{", "}",
    "function",
];

/// Reads a text whose first line has this number.
pub(crate) fn parse(text: &str, first_line: usize) -> Result<List, SyntaxError> {
    let tokens = lexer::tokens(text, first_line)?;
    let last_line = first_line + text.trim_end_matches('\n').matches('\n').count();
    let mut parser = Parser { text, tokens: &tokens, place: 0, last_line };
    parser.list()
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Spanned],
    place: usize,
    last_line: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.place).map(|spanned| &spanned.token)
    }

    fn next_if(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.place += usize::from(found);
        found
    }

    fn skip_newlines(&mut self) {
        while self.next_if(&Token::Newline) {}
    }

    fn line(&self) -> usize {
        self.tokens.get(self.place).map_or(self.last_line, |spanned| spanned.line)
    }

    /// The text from the token at `first` to the last one that was read.
    fn text_since(&self, first: usize) -> String {
        let start = self.tokens.get(first).map_or(0, |spanned| spanned.start);
        let end = self.place.checked_sub(1).and_then(|last| self.tokens.get(last));
        let text = &self.text[start..end.map_or(start, |spanned| spanned.end)];
        text.trim_end().to_owned()
    }

    /// What is wrong is the next token.
    fn unexpected(&self) -> SyntaxError {
        let Some(spanned) = self.tokens.get(self.place) else {
            return SyntaxError::unfinished(self.last_line, "unexpected end of the input");
        };
        let text = match spanned.token {
            Token::Newline => "the end of the line".to_owned(),
            _ => format!("'{}'", &self.text[spanned.start..spanned.end]),
        };
        SyntaxError::wrong(spanned.line, format!("unexpected {text}"))
    }

    fn list(&mut self) -> Result<List, SyntaxError> {
        let mut list = List::default();
        self.skip_newlines();
        while self.peek().is_some() {
            let and_or = self.and_or()?;
            let ground = match self.peek() {
                Some(Token::Ampersand) => Ground::Back,
                Some(Token::Semicolon | Token::Newline) | None => Ground::Fore,
                Some(_) => return Err(self.unexpected()),
            };
            list.items.push(Item { and_or, ground });
            self.place += 1;
            self.skip_newlines();
        }
        Ok(list)
    }

    fn and_or(&mut self) -> Result<AndOr, SyntaxError> {
        let start = self.place;
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let condition = match self.peek() {
                Some(Token::And) => Condition::Success,
                Some(Token::Or) => Condition::Failure,
                _ => return Ok(AndOr { first, rest, text: self.text_since(start) }),
            };
            self.place += 1;
            self.skip_newlines();
            rest.push((condition, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, SyntaxError> {
        let start = self.place;
        let mut negated = false;
        while matches!(self.peek(), Some(Token::Word(word)) if word.plain() == Some("!")) {
            self.place += 1;
            negated = !negated;
        }
        let mut commands = vec![self.simple()?];
        while self.next_if(&Token::Pipe) {
            self.skip_newlines();
            commands.push(self.simple()?);
        }
        Ok(Pipeline { negated, commands, text: self.text_since(start) })
    }

    fn simple(&mut self) -> Result<Simple, SyntaxError> {
        let start = self.place;
        let mut simple = Simple::default();
        loop {
            let token = self.peek();
            match token {
                Some(Token::Word(word)) => {
                    if simple.words.is_empty() {
                        self.refuse_reserved(word)?;
                    }
                    self.place += 1;
                    match assignment(word).filter(|_| simple.words.is_empty()) {
                        Some(assignment) => simple.assignments.push(assignment),
                        None => simple.words.push(word.clone()),
                    }
                }
                Some(Token::Less) => {
                    self.place += 1;
                    simple.redirections.push(Redirection::Read(self.target()?));
                }
                Some(&Token::Greater(channel)) => {
                    self.place += 1;
                    simple.redirections.push(Redirection::Write(channel, self.target()?));
                }
                Some(&Token::GreaterGreater(channel)) => {
                    self.place += 1;
                    simple.redirections.push(Redirection::Append(channel, self.target()?));
                }
                Some(&Token::GreaterAmpersand(channel)) => {
                    self.place += 1;
                    simple.redirections.push(Redirection::Same(channel, self.descriptor()?));
                }
                _ if self.place == start => return Err(self.unexpected()),
                _ => return Ok(simple),
            }
        }
    }

    fn refuse_reserved(&self, word: &Word) -> Result<(), SyntaxError> {
        match word.plain().filter(|text| RESERVED.contains(text)) {
            Some(text) => {
                let what = format!("'{text}': this shell has no compound commands");
                Err(SyntaxError::wrong(self.line(), what))
            }
            None => Ok(()),
        }
    }

    fn target(&mut self) -> Result<Word, SyntaxError> {
        match self.peek() {
            Some(Token::Word(word)) => {
                self.place += 1;
                Ok(word.clone())
            }
            // More text would be on another line.
            None => Err(SyntaxError::wrong(self.last_line, "a file name is missing")),
            Some(_) => Err(self.unexpected()),
        }
    }

    fn descriptor(&mut self) -> Result<Channel, SyntaxError> {
        let line = self.line();
        match self.target()?.plain() {
            Some("1") => Ok(Channel::Out),
            Some("2") => Ok(Channel::Err),
            _ => Err(SyntaxError::wrong(line, "only 1 or 2 can stand after '>&'")),
        }
    }
}

fn assignment(word: &Word) -> Option<Assignment> {
    let (Part::Plain(text), rest) = word.parts.split_first()? else { return None };
    let (name, value) = text.split_once('=').filter(|(name, _)| is_name(name))?;
    let mut parts = Vec::with_capacity(word.parts.len());
    if !value.is_empty() {
        parts.push(Part::Plain(value.to_owned()));
    }
    parts.extend_from_slice(rest);
    Some(Assignment { name: name.to_owned(), value: Word { parts } })
}

#[cfg(test)]
mod tests {
    use super::super::lexer::Remedy;
    use super::*;

    fn read(text: &str) -> List {
        parse(text, 1).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn words(command: &Simple) -> Vec<&str> {
        command.words.iter().filter_map(Word::plain).collect()
    }

    #[test]
    fn a_list_has_items_on_both_grounds() {
        let list = read("a; b & c\n\nd\n");
        let grounds: Vec<_> =
            list.items.iter().map(|item| (item.and_or.text.as_str(), item.ground)).collect();
        assert_eq!(
            grounds,
            [("a", Ground::Fore), ("b", Ground::Back), ("c", Ground::Fore), ("d", Ground::Fore)]
        );
        assert_eq!(read(" \n # nothing\n"), List::default());
    }

    #[test]
    fn and_binds_as_or_and_pipes_bind_more() {
        let list = read("! a x | b && c ||\nd");
        let [item] = list.items.as_slice() else { panic!("{list:?}") };
        let AndOr { first, rest, text } = &item.and_or;
        assert!(first.negated);
        assert_eq!(first.commands.iter().map(words).collect::<Vec<_>>(), [vec!["a", "x"], vec!["b"]]);
        assert_eq!(first.text, "! a x | b");
        let conditions: Vec<_> = rest.iter().map(|(condition, _)| *condition).collect();
        assert_eq!(conditions, [Condition::Success, Condition::Failure]);
        assert_eq!(text, "! a x | b && c ||\nd");
    }

    #[test]
    fn assignments_stand_in_front() {
        let list = read("A=1 B=$x c D=2 >out 2>&1 <in");
        let command = &list.items[0].and_or.first.commands[0];
        let names: Vec<_> = command.assignments.iter().map(|assignment| assignment.name.as_str()).collect();
        assert_eq!(names, ["A", "B"]);
        assert_eq!(words(command), ["c", "D=2"]);
        let word = |text: &str| Word { parts: vec![Part::Plain(text.to_owned())] };
        assert_eq!(
            command.redirections,
            [
                Redirection::Write(Channel::Out, word("out")),
                Redirection::Same(Channel::Err, Channel::Out),
                Redirection::Read(word("in")),
            ]
        );
        assert!(read("'A'=1").items[0].and_or.first.commands[0].assignments.is_empty());
        assert!(read("1A=1").items[0].and_or.first.commands[0].assignments.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let cases = [
            ("| a", "line 1: syntax error: unexpected '|'"),
            ("a\nb\nc | | d", "line 3: syntax error: unexpected '|'"),
            ("a ;; b", "line 1: syntax error: unexpected ';'"),
            ("a &\n&& b", "line 2: syntax error: unexpected '&&'"),
            ("a & ; b", "line 1: syntax error: unexpected ';'"),
            ("a >\n", "line 1: syntax error: unexpected the end of the line"),
            ("a > | b", "line 1: syntax error: unexpected '|'"),
            ("a 2>&x", "line 1: syntax error: only 1 or 2 can stand after '>&'"),
            ("a\nif b", "line 2: syntax error: 'if': this shell has no compound commands"),
            ("a | {", "line 1: syntax error: '{': this shell has no compound commands"),
        ];
        for (text, message) in cases {
            let error = parse(text, 1).expect_err(text);
            assert_eq!(error.to_string(), message);
            assert_eq!(error.remedy, Remedy::None, "{text}");
        }
    }

    #[test]
    fn an_operator_at_the_end_asks_for_more() {
        for text in ["a |", "a |\n", "a &&\n\n", "a || # or else\n", "!"] {
            assert_eq!(parse(text, 1).expect_err(text).remedy, Remedy::More, "{text}");
        }
    }
}
