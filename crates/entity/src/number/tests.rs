//! Numbers: text, exact order across kinds, arithmetic.
