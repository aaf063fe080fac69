# syntax=docker/dockerfile:1
# The service is built where a compiler is, and runs where nothing is but what it needs.
FROM rust:1.95-slim-bookworm AS build
# OpenSSL and librdkafka are built with these
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make perl && rm -rf /var/lib/apt/lists/*
# part of the program, for the image below has none
ENV LIBZ_SYS_STATIC=1
WORKDIR /build
# What changes seldom has a layer of its own: the dependencies, built for a program that does nothing yet.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
RUN mkdir src benches && touch src/lib.rs && echo 'fn main() {}' | tee src/main.rs benches/pipeline.rs >benches/pure.rs \
    && cargo build --locked --release
COPY src src
COPY config config
COPY schemas schemas
# newer than what stood in for it
RUN touch src/lib.rs src/main.rs && cargo build --locked --release

# glibc of the same Debian, certificates, no shell
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/target/release/reassure /usr/local/bin/reassure
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/usr/local/bin/reassure"]
CMD ["run"]
