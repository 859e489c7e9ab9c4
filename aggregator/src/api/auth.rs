//! Who is there: the bearer token of every request, on every path that is not declared open.

use super::OPERATIONS;
use super::call::Caller;
use super::error::Problem;
use super::operation::Access;
use crate::Aggregator;
use axum::extract::Request;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sluice_identity::TokenError;

/// Marks a request with its [`Caller`], or refuses it with 401. Unknown paths need a token too.
pub(crate) fn authenticate(hub: &Aggregator, request: &mut Request) -> Result<(), Problem> {
    if is_open(request.uri().path()) {
        return Ok(());
    }
    let caller = caller(hub, request.headers())?;
    request.extensions_mut().insert(caller);
    Ok(())
}

fn is_open(path: &str) -> bool {
    OPERATIONS
        .iter()
        .any(|operation| operation.access == Access::Open && operation.path == path)
}

fn caller(hub: &Aggregator, headers: &HeaderMap) -> Result<Caller, Problem> {
    let token = bearer(headers)?;
    match hub.verifier.verify(token, jiff::Timestamp::now()) {
        Ok(claims) => Ok(Caller {
            user: claims.sub.as_str().into(),
        }),
        Err(error) => {
            match &error {
                TokenError::Unavailable(cause) => {
                    tracing::error!(%cause, "nobody gets in: {error}")
                }
                _ => tracing::info!(%error, "a token was refused"),
            }
            Err(Problem::unauthenticated(code(&error), &error.to_string()))
        }
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || {
        Problem::unauthenticated(
            "missing-token",
            "a token is needed: Authorization: Bearer TOKEN",
        )
    };
    let value = headers
        .get(AUTHORIZATION)
        .ok_or_else(missing)?
        .to_str()
        .map_err(|_| missing())?;
    let (scheme, token) = value.trim().split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(missing())
    }
}

fn code(error: &TokenError) -> &'static str {
    match error {
        TokenError::Expired => "expired-token",
        TokenError::Revoked => "revoked-token",
        TokenError::Invalid | TokenError::Unavailable(_) => "invalid-token",
    }
}
