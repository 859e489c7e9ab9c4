//! The `sluice` process: memory allocator, cryptography, arguments, exit code. Everything else is in the library.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything makes a TLS connection: two providers may be linked, and rustls refuses to guess.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    sluice::run(std::env::args_os(), std::env::vars_os())
}
