//! Compiles `proto/` to Rust in the output folder, with a compiler that is a library: no `protoc` is needed.
#![allow(
    clippy::print_stdout,
    reason = "this is how a build script speaks to cargo"
)]

use std::error::Error;

/// Root of the imports.
const ROOT: &str = "proto";
/// The services; they import the rest.
const SERVICES: [&str; 6] = [
    "sluice/v1/certificates.proto",
    "sluice/v1/control.proto",
    "sluice/v1/microservices.proto",
    "sluice/v1/placement.proto",
    "sluice/v1/storage_node.proto",
    "sluice/v1/worker.proto",
];
/// Their values are never printed: `Debug` is written by hand.
const SECRETS: [&str; 8] = [
    "sluice.v1.Bootstrap",
    "sluice.v1.ContainerReply",
    "sluice.v1.HashKeyReply",
    "sluice.v1.PutSecretsRequest",
    "sluice.v1.ReferencedSecret",
    "sluice.v1.RegistryLogin",
    "sluice.v1.SecretsByName",
    "sluice.v1.SecretValues",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    // Set by xtask, whose checkouts share a target folder.
    println!("cargo:rerun-if-env-changed=BUILD_CHECKOUT");
    let descriptors = protox::compile(SERVICES, [ROOT])?;
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .skip_debug(SECRETS)
        .emit_rerun_if_changed(false)
        .compile_fds(descriptors)?;
    Ok(())
}
