//! Compiles every protobuf file of `proto/sluice/v1` with protox: no protoc is needed.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let folder = fs::read_dir("proto/sluice/v1")?;
    let mut files = folder
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, _>>()?;
    files.retain(|path| path.extension().is_some_and(|end| end == "proto"));
    files.sort();
    let descriptors = protox::compile(&files, ["proto"])?;
    tonic_prost_build::configure()
        // It holds a secret: `wire` gives it a form that does not show it.
        .skip_debug(["sluice.v1.Bootstrap"])
        .compile_fds(descriptors)?;
    Ok(())
}
