//! The HTTP side of systems of type `url` and `microservice`: addresses, authentication, limits, errors (SY2).

use parking_lot::Mutex;
use reqwest::header::HeaderMap;
use reqwest::{
    Certificate, Client, ClientBuilder, Method, Proxy, RequestBuilder, Response, StatusCode, Url,
};
use sluice_config::{Address, Authentication, System, UrlSystem as Settings};
use sluice_entity::Json;
use sluice_protocol::SecretValues;
use std::sync::Arc;
use std::time::Duration;

/// Redirects followed before a target counts as lying.
const REDIRECTS: usize = 5;
/// How much of an error answer is read: enough to let the connection live.
const ERROR_BYTES: usize = 64 << 10;

/// A connection to one system, shared by the pipes that use it.
pub(crate) struct HttpSystem {
    id: String,
    effective: Arc<Json>,
    settings: Settings,
    secrets: SecretValues,
    client: Client,
    /// For requests of callers that go on as they are; only of microservices.
    proxying: Option<Client>,
    last: Mutex<Option<Result<(), String>>>,
}

/// A request that did not lead to a good answer. Never holds a header, a secret or a body.
#[derive(Debug)]
pub(crate) struct RequestFailure {
    /// Stable kebab-case name.
    pub reason: &'static str,
    /// One sentence.
    pub message: String,
    /// What the other side answered, if it did.
    pub status: Option<StatusCode>,
    /// The cause.
    pub source: Option<reqwest::Error>,
}

impl HttpSystem {
    /// A client with the system's settings. Nothing is sent yet.
    pub(crate) fn new(
        system: &System,
        settings: &Settings,
        secrets: &SecretValues,
    ) -> Result<Self, RequestFailure> {
        let id = &system.id;
        let failed = || {
            RequestFailure::new(
                "invalid-system",
                format!("system \"{id}\" cannot be set up"),
            )
        };
        let client = client_of(settings)
            .and_then(ClientBuilder::build)
            .map_err(|source| failed().caused_by(source))?;
        let proxying = system.microservice.is_some().then(|| {
            let plain = client_of(settings)?.redirect(reqwest::redirect::Policy::none());
            plain.no_gzip().no_zstd().build()
        });
        let proxying = proxying
            .transpose()
            .map_err(|source| failed().caused_by(source))?;
        Ok(HttpSystem {
            id: id.clone(),
            effective: system.effective.clone(),
            settings: settings.clone(),
            secrets: secrets.clone(),
            client,
            proxying,
            last: Mutex::new(None),
        })
    }

    /// True if this connection was made from the same settings and secrets; another configuration makes another connection.
    pub(crate) fn is_made_from(&self, system: &System, secrets: &SecretValues) -> bool {
        self.effective.same_meaning(&system.effective)
            && self.secrets.global == secrets.global
            && self.secrets.systems.get(&self.id) == secrets.systems.get(&self.id)
    }

    /// Whether the last request got through, and what was wrong if not.
    pub(crate) fn last(&self) -> Option<Result<(), String>> {
        self.last.lock().clone()
    }

    /// A request with the system's address, headers and authentication.
    pub(crate) fn request(
        &self,
        method: Method,
        url: &str,
    ) -> Result<RequestBuilder, RequestFailure> {
        let address = self.address(url)?;
        self.signed(self.client.request(method, address))
    }

    /// Adds the system's headers and authentication.
    fn signed(&self, request: RequestBuilder) -> Result<RequestBuilder, RequestFailure> {
        let request = self.with_headers(request, &self.settings.headers);
        Ok(match &self.settings.authentication {
            Authentication::None => request,
            Authentication::Basic { username, password } => {
                request.basic_auth(self.resolved(username)?, Some(self.resolved(password)?))
            }
            Authentication::Jwt { token } => request.bearer_auth(self.resolved(token)?),
            Authentication::NotInThisVersion { kind } => {
                let message = format!(
                    "system \"{}\" signs in by {kind}, which this version cannot do",
                    self.id
                );
                return Err(RequestFailure::new("not-in-this-version", message));
            }
        })
    }

    /// A request of a caller as it goes on: below the system's address, with the system's own headers and authentication, whatever the
    /// caller says of the same name, to nowhere else.
    pub(crate) fn pass_on(
        &self,
        method: Method,
        target: &str,
        given: HeaderMap,
    ) -> Result<RequestBuilder, RequestFailure> {
        let (Some(client), Address::Base(base)) = (&self.proxying, &self.settings.address) else {
            let message = format!("the system \"{}\" is no microservice", self.id);
            return Err(RequestFailure::new("not-a-microservice", message));
        };
        let base = base.trim_end_matches('/');
        let outside = || {
            let message = format!("the path leaves the address of system \"{}\"", self.id);
            RequestFailure::new("invalid-path", message)
        };
        let root = Url::parse(&format!("{base}/")).map_err(|_| outside())?;
        let address = format!("{base}/{}", target.trim_start_matches('/'));
        let address = Url::parse(&address).map_err(|_| outside())?;
        if address.origin() != root.origin() || !address.path().starts_with(root.path()) {
            return Err(outside());
        }
        let own = self.signed(client.request(method.clone(), address.clone()))?;
        let own = own.build().map_err(|source| {
            let message = format!("system \"{}\" has headers that cannot be sent", self.id);
            RequestFailure::new("invalid-header", message).caused_by(source)
        })?;
        // Each time what comes later takes the place of what has its name.
        let request = client.request(method, address).headers(given);
        Ok(request.headers(own.headers().clone()))
    }

    /// Adds headers, `$SECRET(...)` in them resolved. Names that are no header names are left out; validation has said so.
    pub(crate) fn with_headers(
        &self,
        mut request: RequestBuilder,
        headers: &[(String, String)],
    ) -> RequestBuilder {
        for (name, value) in headers {
            if let Ok(value) = self.resolved(value) {
                request = request.header(name, value);
            }
        }
        request
    }

    /// Sends; an answer that is not 2xx is a failure. The status is kept for [`last`](Self::last).
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, RequestFailure> {
        let outcome = self.send_unrecorded(request).await;
        *self.last.lock() = Some(
            outcome
                .as_ref()
                .map(|_| ())
                .map_err(|failure| failure.message.clone()),
        );
        outcome
    }

    async fn send_unrecorded(&self, request: RequestBuilder) -> Result<Response, RequestFailure> {
        let system = &self.id;
        let answer = request.send().await.map_err(|source| {
            // The address may carry credentials in its query: the system's name has to do.
            let what = if source.is_timeout() {
                "did not answer in time"
            } else {
                "cannot be reached"
            };
            RequestFailure::new("unreachable-system", format!("system \"{system}\" {what}"))
                .caused_by(source.without_url())
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let _ = self.read_bounded(answer, ERROR_BYTES).await;
        let message = format!("system \"{system}\" answered {status}");
        Err(RequestFailure {
            status: Some(status),
            ..RequestFailure::new("refused-by-system", message)
        })
    }

    /// The body of an answer up to a limit; a longer one is a failure.
    pub(crate) async fn read_bounded(
        &self,
        mut answer: Response,
        limit: usize,
    ) -> Result<Vec<u8>, RequestFailure> {
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|source| self.interrupted(source))?
        {
            if body.len() + chunk.len() > limit {
                let message = format!(
                    "the answer of system \"{}\" is longer than {limit} bytes",
                    self.id
                );
                return Err(RequestFailure::new("answer-too-large", message));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// An answer that stopped in its middle.
    pub(crate) fn interrupted(&self, source: reqwest::Error) -> RequestFailure {
        let message = format!("the answer of system \"{}\" broke off", self.id);
        RequestFailure::new("interrupted-answer", message).caused_by(source.without_url())
    }

    /// `url` as it is where it is absolute, put into the system's `url_pattern`, or joined to its `base_url`.
    fn address(&self, url: &str) -> Result<Url, RequestFailure> {
        let text = match &self.settings.address {
            _ if url.starts_with("http://") || url.starts_with("https://") => url.to_owned(),
            Address::Pattern(pattern) if pattern.contains("%s") => pattern.replacen("%s", url, 1),
            Address::Pattern(prefix) => format!("{prefix}{url}"),
            Address::Base(base) => format!(
                "{}/{}",
                base.trim_end_matches('/'),
                url.trim_start_matches('/')
            ),
            // Nobody said where it is, and no connection was made.
            Address::Microservice => url.to_owned(),
        };
        let text = self.resolved(&text)?;
        Url::parse(&text).map_err(|_| {
            let message = format!(
                "the address made from system \"{}\" and this url is no URL",
                self.id
            );
            RequestFailure::new("invalid-url", message)
        })
    }

    /// Replaces each `$SECRET(name)`.
    fn resolved(&self, text: &str) -> Result<String, RequestFailure> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("$SECRET(") {
            let Some((name, behind)) = after.split_once(')') else {
                break;
            };
            let value = self.secrets.resolve(Some(&self.id), name).ok_or_else(|| {
                let message = format!(
                    "system \"{}\" uses the secret \"{name}\", which does not exist",
                    self.id
                );
                RequestFailure::new("unknown-secret", message)
            })?;
            out.push_str(before);
            out.push_str(value);
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }
}

fn client_of(settings: &Settings) -> reqwest::Result<ClientBuilder> {
    let oldest = if settings.allow_tls_1_2 {
        reqwest::tls::Version::TLS_1_2
    } else {
        reqwest::tls::Version::TLS_1_3
    };
    let mut builder = Client::builder()
        .connect_timeout(seconds(settings.connect_timeout))
        .read_timeout(seconds(settings.read_timeout))
        .redirect(reqwest::redirect::Policy::limited(REDIRECTS))
        .tls_version_min(oldest)
        .tls_danger_accept_invalid_certs(!settings.verify_ssl)
        .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")));
    if let Some(chain) = &settings.custom_ca_pem_chain {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(chain.as_bytes())?);
    }
    for (prefix, proxy) in settings.proxies.clone() {
        let proxy = Url::parse(&proxy).ok();
        builder = builder.proxy(Proxy::custom(move |url| {
            proxy.clone().filter(|_| url.as_str().starts_with(&prefix))
        }));
    }
    Ok(builder)
}

/// A configured time; nonsense counts as the longest one that makes sense.
fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(Duration::from_secs(86_400))
}

impl RequestFailure {
    fn new(reason: &'static str, message: String) -> Self {
        RequestFailure {
            reason,
            message,
            status: None,
            source: None,
        }
    }

    fn caused_by(mut self, source: reqwest::Error) -> Self {
        self.source = Some(source);
        self
    }
}
