//! A text that may be used and never be shown.

use std::fmt;
use zeroize::Zeroizing;

/// Holds a password, key or token. Printing it, logging it or putting it into an error shows `[secret]`; the memory is
/// cleared when it goes. Look at it only with [`Secret::expose`], where it is used.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::io::Write;
    use std::sync::Arc;
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Captured {
        type Writer = Captured;

        fn make_writer(&'a self) -> Captured {
            self.clone()
        }
    }

    #[test]
    fn a_secret_shows_in_no_log_line_in_either_form() {
        let secret = Secret::new("canary-4711");
        for json in [false, true] {
            let captured = Captured::default();
            let lines = tracing_subscriber::fmt().with_writer(captured.clone());
            let log = || {
                tracing::info!(%secret, debug = ?secret, nested = ?Some(&secret), "using {secret}");
            };
            if json {
                tracing::subscriber::with_default(lines.json().finish(), log);
            } else {
                tracing::subscriber::with_default(lines.finish(), log);
            }
            let text = String::from_utf8(captured.0.lock().clone()).unwrap();
            assert_eq!(text.matches("[secret]").count(), 4, "{text}");
            assert!(!text.contains("canary"), "{text}");
        }
        assert_eq!(secret.expose(), "canary-4711");
    }
}
