//! The since value of a reader: a plain offset, or a token that names generation, epoch and offset (R23, R74).

use crate::{Generation, Offset};
use std::collections::HashSet;
use std::fmt;

/// Where a reader goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// From the first version.
    Start,
    /// After this offset.
    After(Offset),
}

impl Since {
    /// The exclusive bound for [`ReadOptions::since`](crate::ReadOptions::since).
    pub fn offset(self) -> Option<Offset> {
        match self {
            Since::Start => None,
            Since::After(offset) => Some(offset),
        }
    }

    /// Reads what a client sent: a non-negative integer, or a token of ours that must be of the present generation.
    pub fn parse(text: &str, present: Generation) -> Result<Self, SinceError> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return text
                .parse()
                .map(Since::After)
                .map_err(|_| SinceError::Malformed);
        }
        let token = SinceToken::parse(text)?;
        if token.generation == present {
            Ok(Since::After(token.offset))
        } else {
            Err(SinceError::OtherGeneration {
                token: token.generation,
                present,
            })
        }
    }
}

/// Why a since value is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinceError {
    /// Neither an integer nor a token (400).
    #[error("the since value is neither a non-negative integer nor a token of this hub")]
    Malformed,
    /// A token of a dataset that was deleted and made again (410).
    #[error("the since token is of generation {token}, the dataset is of generation {present}")]
    OtherGeneration {
        /// In the token.
        token: Generation,
        /// Of the dataset.
        present: Generation,
    },
}

/// A since value that cannot be mistaken: `1-<generation>-<epoch>-<offset>`, the generation without hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinceToken {
    /// Of the dataset that was read.
    pub generation: Generation,
    /// Of the owner that served it.
    pub epoch: u64,
    /// Exclusive.
    pub offset: Offset,
}

impl SinceToken {
    /// Reads the printed form.
    pub fn parse(text: &str) -> Result<Self, SinceError> {
        let mut parts = text.split('-');
        let (Some("1"), Some(generation), Some(epoch), Some(offset), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return Err(SinceError::Malformed);
        };
        if generation.len() != 32 {
            return Err(SinceError::Malformed);
        }
        Ok(Self {
            generation: Generation::parse(generation).ok_or(SinceError::Malformed)?,
            epoch: digits(epoch)?,
            offset: digits(offset)?,
        })
    }
}

/// The position of a reader of several datasets: a token for each one that it has read of, with `.` between them (R23). A token
/// names its dataset by the generation, which no other dataset has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinceTokens(pub Vec<SinceToken>);

impl SinceTokens {
    /// Reads the printed form: one token or more, each of another generation.
    pub fn parse(text: &str) -> Result<Self, SinceError> {
        let mut tokens = Vec::new();
        let mut generations = HashSet::new();
        for text in text.split('.') {
            let token = SinceToken::parse(text)?;
            if !generations.insert(token.generation) {
                return Err(SinceError::Malformed);
            }
            tokens.push(token);
        }
        Ok(Self(tokens))
    }
}

impl fmt::Display for SinceTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(".")?;
            }
            token.fmt(f)?;
        }
        Ok(())
    }
}

fn digits(text: &str) -> Result<u64, SinceError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(SinceError::Malformed);
    }
    text.parse().map_err(|_| SinceError::Malformed)
}

impl fmt::Display for SinceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let generation = uuid::Uuid::from_bytes(self.generation.0);
        write!(
            f,
            "1-{}-{}-{}",
            generation.simple(),
            self.epoch,
            self.offset
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Generation = Generation([7; 16]);

    #[test]
    fn integers_and_tokens_are_read_and_everything_else_is_refused() {
        assert_eq!(Since::parse("0", HERE), Ok(Since::After(0)));
        assert_eq!(
            Since::parse("18446744073709551615", HERE),
            Ok(Since::After(u64::MAX))
        );
        for bad in [
            "",
            "-1",
            "+1",
            " 1",
            "1.0",
            "1e3",
            "18446744073709551616",
            "abc",
            "1-2-3",
            "2-0707-0-1",
            "ø",
            "1--0-1",
        ] {
            assert_eq!(
                Since::parse(bad, HERE),
                Err(SinceError::Malformed),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_token_survives_printing_and_names_its_generation() {
        let token = SinceToken {
            generation: HERE,
            epoch: 3,
            offset: 41,
        };
        assert_eq!(token.to_string(), "1-07070707070707070707070707070707-3-41");
        assert_eq!(SinceToken::parse(&token.to_string()), Ok(token));
        assert_eq!(Since::parse(&token.to_string(), HERE), Ok(Since::After(41)));
        let other = Generation([8; 16]);
        assert_eq!(
            Since::parse(&token.to_string(), other),
            Err(SinceError::OtherGeneration {
                token: HERE,
                present: other
            })
        );
    }

    #[test]
    fn tokens_of_several_datasets_survive_printing_and_name_each_dataset_once() {
        let token = |generation, offset| SinceToken {
            generation: Generation([generation; 16]),
            epoch: 0,
            offset,
        };
        for tokens in [vec![token(7, 3)], vec![token(7, 3), token(8, u64::MAX)]] {
            let tokens = SinceTokens(tokens);
            assert_eq!(SinceTokens::parse(&tokens.to_string()), Ok(tokens));
        }
        let (one, other) = (token(7, 3), token(7, 4));
        for bad in [
            String::new(),
            "3".into(),
            format!("{one}."),
            format!(".{one}"),
            format!("{one}..{one}"),
            format!("{one}.3"),
            format!("{one}.{other}"),
        ] {
            let refused = SinceTokens::parse(&bad);
            assert_eq!(refused, Err(SinceError::Malformed), "{bad:?}");
        }
    }
}
