//! How the values of settings are written: as people write them in a file, an environment variable or a flag.

use std::collections::BTreeMap;
use std::time::Duration;

/// A kind of value with a text form.
pub(super) trait Text: Sized {
    /// Reads it, or says what would be right.
    fn read(text: &str) -> Result<Self, String>;
    /// Prints it in the form that `read` takes; `None` for "not set".
    fn print(&self) -> Option<String>;
}

impl Text for bool {
    fn read(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" | "on" => Ok(true),
            "false" | "no" | "0" | "off" => Ok(false),
            _ => Err("it is true or false".into()),
        }
    }
    fn print(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Text for String {
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
    fn print(&self) -> Option<String> {
        Some(self.clone()).filter(|text| !text.is_empty())
    }
}

impl Text for std::path::PathBuf {
    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Err("it is a path".into())
        } else {
            Ok(text.into())
        }
    }
    fn print(&self) -> Option<String> {
        Some(self.display().to_string()).filter(|text| !text.is_empty())
    }
}

impl<T: Text> Text for Option<T> {
    fn read(text: &str) -> Result<Self, String> {
        T::read(text).map(Some)
    }
    fn print(&self) -> Option<String> {
        self.as_ref().and_then(Text::print)
    }
}

impl Text for std::net::SocketAddr {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            "it is an address with a port, for example 127.0.0.1:8443 or [::]:8443".into()
        })
    }
    fn print(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// Comma-separated.
impl Text for Vec<String> {
    fn read(text: &str) -> Result<Self, String> {
        Ok(text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect())
    }
    fn print(&self) -> Option<String> {
        Some(self.join(",")).filter(|text| !text.is_empty())
    }
}

/// Comma-separated, each a name and a URL.
impl Text for BTreeMap<String, String> {
    fn read(text: &str) -> Result<Self, String> {
        let is_url = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        let pairs = Vec::<String>::read(text)?.into_iter().map(|pair| {
            pair.split_once('=')
                .filter(|(name, url)| !name.is_empty() && is_url(url))
                .map(|(name, url)| (name.to_owned(), url.to_owned()))
                .ok_or_else(|| {
                    "it is a list of names and addresses, for example orders=http://127.0.0.1:5000"
                        .to_owned()
                })
        });
        pairs.collect()
    }
    fn print(&self) -> Option<String> {
        let pairs = self.iter().map(|(name, url)| format!("{name}={url}"));
        pairs.collect::<Vec<_>>().print()
    }
}

impl Text for Duration {
    fn read(text: &str) -> Result<Self, String> {
        let length = text
            .parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|length| Duration::try_from(length).ok());
        length.ok_or_else(|| "it is a length of time, for example 30s or 2m".into())
    }
    fn print(&self) -> Option<String> {
        let milliseconds = self.as_millis();
        Some(if milliseconds.is_multiple_of(1000) {
            format!("{}s", self.as_secs())
        } else {
            format!("{milliseconds}ms")
        })
    }
}

/// A number, or bytes with a unit.
impl Text for usize {
    fn read(text: &str) -> Result<Self, String> {
        let digits = text
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor = match unit.trim() {
            "" | "B" => 1_usize,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err("it is a number, with KiB, MiB or GiB where bytes are meant".into()),
        };
        let number = number
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_mul(factor));
        number.ok_or_else(|| "it is a number that fits".into())
    }
    fn print(&self) -> Option<String> {
        let units = [(30, "GiB"), (20, "MiB")];
        let unit = units
            .iter()
            .find(|(shift, _)| *self > 0 && self.is_multiple_of(1 << shift));
        Some(unit.map_or_else(
            || self.to_string(),
            |(shift, unit)| format!("{}{unit}", self >> shift),
        ))
    }
}

impl Text for sluice_telemetry::LogFormat {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("it is text or json".into()),
        }
    }
    fn print(&self) -> Option<String> {
        Some(match self {
            Self::Text => "text".into(),
            Self::Json => "json".into(),
        })
    }
}
