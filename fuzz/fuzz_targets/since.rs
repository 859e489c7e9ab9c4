//! Arbitrary since texts: refused, or understood and printed back to a token that means the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_dataset::{SinceToken, SinceTokens};

fuzz_target!(|text: &str| {
    if let Ok(token) = SinceToken::parse(text) {
        assert_eq!(SinceToken::parse(&token.to_string()).expect("our own token"), token);
    }
    if let Ok(tokens) = SinceTokens::parse(text) {
        assert_eq!(SinceTokens::parse(&tokens.to_string()).expect("our own tokens"), tokens);
    }
});
