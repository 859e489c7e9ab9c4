# The hub's image, built with a container engine. `cargo xtask image` packs the same files without one:
# both run image/assemble.sh, which reads image/files.txt.
FROM rust:1.95-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ binutils ca-certificates libclang1-14 libclang-common-14-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /sluice
COPY . .
RUN cargo build --locked --release --package sluice --bin sluice \
    && strip -o /tmp/sluice target/release/sluice \
    && sh image/assemble.sh /tmp/sluice /image

FROM scratch
COPY --from=build /image /
WORKDIR /
ENV PATH=/usr/bin:/bin
USER 65532:65532
ENTRYPOINT ["/usr/bin/sluice"]
