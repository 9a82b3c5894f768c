//! A schedule in a line of text.

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// One choice, and what it was between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Choice {
    pub(crate) chosen: u8,
    /// Tells whether the same was to choose from. Four bits: a schedule that led elsewhere is noticed within a few choices.
    pub(crate) digest: u8,
}

/// Which schedule of which scenario it was: what a replay needs.
///
/// As text it has five parts: the version of this crate, the scenario, the fault that was planted (`-` for none), the
/// choices, and a digit for each choice that says what there was to choose from. The choices are written as pairs: how
/// often the first was chosen, and then a letter for another one.
///
/// ```
/// let token: greenproc_lab::Token = "0.1.0:exit-wait:-:3b1c:01234f".parse().expect("a token");
/// assert_eq!((token.scenario(), token.fault()), ("exit-wait", None));
/// assert_eq!(token.to_string(), "0.1.0:exit-wait:-:3b1c:01234f");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    version: String,
    scenario: String,
    fault: Option<String>,
    pub(crate) path: Vec<Choice>,
}

/// What is wrong with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadToken(&'static str);

impl Token {
    pub(crate) fn new(scenario: &str, fault: Option<&str>, path: Vec<Choice>) -> Token {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Token { version, scenario: scenario.to_owned(), fault: fault.map(str::to_owned), path }
    }

    /// The scenario's name.
    pub fn scenario(&self) -> &str {
        &self.scenario
    }

    /// The planted fault, if there was one.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// The version of the lab that made it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many choices it holds.
    pub fn choices(&self) -> usize {
        self.path.len()
    }
}

impl fmt::Display for BadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is no token: {}", self.0)
    }
}

impl std::error::Error for BadToken {}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:", self.version, self.scenario, self.fault.as_deref().unwrap_or("-"))?;
        let mut run = 0;
        for choice in &self.path {
            if choice.chosen == 0 {
                run += 1;
            } else {
                if run > 0 {
                    write!(f, "{run}")?;
                }
                f.write_char((b'a' + choice.chosen) as char)?;
                run = 0;
            }
        }
        f.write_char(':')?;
        self.path.iter().try_for_each(|choice| write!(f, "{:x}", choice.digest))
    }
}

impl FromStr for Token {
    type Err = BadToken;

    fn from_str(text: &str) -> Result<Token, BadToken> {
        let parts: Vec<&str> = text.trim().split(':').collect();
        let [version, scenario, fault, choices, digests] = parts[..] else {
            return Err(BadToken("it has five parts with a colon between two"));
        };
        if scenario.is_empty() || fault.is_empty() {
            return Err(BadToken("the scenario and the fault have names"));
        }
        let digits = digests.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8));
        let digests = digits.collect::<Option<Vec<u8>>>().ok_or(BadToken("its last part is hexadecimal"))?;
        let chosen = expand(choices, digests.len())?;
        let path = chosen.into_iter().zip(digests).map(|(chosen, digest)| Choice { chosen, digest });
        Ok(Token {
            version: version.to_owned(),
            scenario: scenario.to_owned(),
            fault: (fault != "-").then(|| fault.to_owned()),
            path: path.collect(),
        })
    }
}

fn expand(choices: &str, count: usize) -> Result<Vec<u8>, BadToken> {
    let mut chosen = Vec::with_capacity(count);
    let mut run = 0_usize;
    for symbol in choices.bytes() {
        match symbol {
            b'0'..=b'9' => run = run.saturating_mul(10).saturating_add(usize::from(symbol - b'0')),
            b'b'..=b'z' => {
                if run.saturating_add(chosen.len()) >= count {
                    return Err(BadToken("it has more choices than digits in its last part"));
                }
                chosen.resize(chosen.len() + run, 0);
                chosen.push(symbol - b'a');
                run = 0;
            }
            _ => return Err(BadToken("its choices are numbers and letters from b on")),
        }
    }
    chosen.resize(count, 0);
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::{Choice, Token};

    #[test]
    fn a_token_is_read_as_it_was_written() {
        for chosen in [vec![], vec![0], vec![1], vec![0, 0, 2, 0, 1, 0], vec![25, 1, 1, 0, 0, 3]] {
            let digest = |(at, chosen): (usize, &u8)| Choice { chosen: *chosen, digest: at as u8 & 0xf };
            let token = Token::new("a", Some("b"), chosen.iter().enumerate().map(digest).collect());
            assert_eq!(token.to_string().parse(), Ok(token));
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in [
            "",
            "a:b",
            "1:s:-:3b",
            "1::-:3b:00000",
            "1:s:-:3b:0",
            "1:s:-:a:0",
            "1:s:-:A:0",
            "1:s:-::xyz",
            "1:s::b:0",
        ] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
        assert!("1:s:-:99999999999999999999999b:0".parse::<Token>().is_err());
    }
}
