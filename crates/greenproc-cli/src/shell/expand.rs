//! From words to arguments.

use super::syntax::{Parameter, Part, Quoting, Word};

/// Where the values of parameters come from.
pub(crate) trait Values {
    /// The value of a parameter that has one. Not asked for `$@`.
    fn value(&self, parameter: &Parameter) -> Option<String>;

    /// `$1`, `$2` and so on.
    fn arguments(&self) -> &[String];
}

/// The arguments that words stand for: unprotected values are split at blanks.
pub(crate) fn words(words: &[Word], values: &impl Values) -> Vec<String> {
    let mut arguments = Vec::new();
    for word in words {
        let mut fields = Fields { done: &mut arguments, open: None };
        for part in &word.parts {
            match part {
                Part::Plain(text) | Part::Quoted(text) => fields.append(text),
                Part::Parameter(Parameter::Each, quoting) => fields.each(values.arguments(), *quoting),
                Part::Parameter(parameter, Quoting::Double) => {
                    fields.append(&values.value(parameter).unwrap_or_default());
                }
                Part::Parameter(parameter, Quoting::Bare) => {
                    fields.split(&values.value(parameter).unwrap_or_default());
                }
            }
        }
        fields.close();
    }
    arguments
}

/// The one text that a word stands for where nothing is split: a value, a file name.
pub(crate) fn text(word: &Word, values: &impl Values) -> String {
    let mut text = String::new();
    for part in &word.parts {
        match part {
            Part::Plain(plain) | Part::Quoted(plain) => text.push_str(plain),
            Part::Parameter(Parameter::Each, _) => text.push_str(&values.arguments().join(" ")),
            Part::Parameter(parameter, _) => text.push_str(&values.value(parameter).unwrap_or_default()),
        }
    }
    text
}

/// The arguments so far, and the one that is being put together.
struct Fields<'a> {
    done: &'a mut Vec<String>,
    open: Option<String>,
}

impl Fields<'_> {
    fn append(&mut self, text: &str) {
        self.open.get_or_insert_default().push_str(text);
    }

    fn close(&mut self) {
        self.done.extend(self.open.take());
    }

    fn split(&mut self, value: &str) {
        let blank = |character: char| matches!(character, ' ' | '\t' | '\n');
        if value.starts_with(blank) {
            self.close();
        }
        for (number, field) in value.split(blank).filter(|field| !field.is_empty()).enumerate() {
            if number > 0 {
                self.close();
            }
            self.append(field);
        }
        if value.ends_with(blank) {
            self.close();
        }
    }

    fn each(&mut self, arguments: &[String], quoting: Quoting) {
        for (number, argument) in arguments.iter().enumerate() {
            if number > 0 {
                self.close();
            }
            match quoting {
                Quoting::Double => self.append(argument),
                Quoting::Bare => self.split(argument),
            }
        }
        // `"$@"` without arguments is nothing at all, not an empty one.
        if arguments.is_empty() && self.open.as_deref() == Some("") {
            self.open = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::{Token, tokens};
    use super::*;

    struct Fixed(Vec<String>);

    impl Values for Fixed {
        fn value(&self, parameter: &Parameter) -> Option<String> {
            match parameter {
                Parameter::Status => Some("3".to_owned()),
                Parameter::Variable(name) if name == "two" => Some(" a  b ".to_owned()),
                Parameter::Variable(name) if name == "one" => Some("x".to_owned()),
                _ => None,
            }
        }

        fn arguments(&self) -> &[String] {
            &self.0
        }
    }

    fn expand(script: &str, arguments: &[&str]) -> Vec<String> {
        let read = tokens(script, 1).expect("readable").into_iter().map(|spanned| match spanned.token {
            Token::Word(word) => word,
            other => panic!("{other:?}"),
        });
        let values = Fixed(arguments.iter().map(|&argument| argument.to_owned()).collect());
        words(&read.collect::<Vec<_>>(), &values)
    }

    #[test]
    fn values_are_split_unless_they_are_quoted() {
        assert_eq!(expand("$one$one", &[]), ["xx"]);
        assert_eq!(expand("$two", &[]), ["a", "b"]);
        assert_eq!(expand("\"$two\"", &[]), [" a  b "]);
        assert_eq!(expand("p$two$one", &[]), ["p", "a", "b", "x"]);
        assert_eq!(expand("$none \"$none\" ''", &[]), ["", ""]);
        assert_eq!(expand("=$?=", &[]), ["=3="]);
    }

    #[test]
    fn the_arguments_stay_apart() {
        assert_eq!(expand("\"$@\"", &["a b", "", "c"]), ["a b", "", "c"]);
        assert_eq!(expand("\"<$@>\"", &["a", "b"]), ["<a", "b>"]);
        assert_eq!(expand("$@", &["a b", "", "c"]), ["a", "b", "c"]);
        assert_eq!(expand("\"$@\"", &[]), Vec::<String>::new());
    }
}
