# One image with all programs. `docker build -t candlepost .`, or see compose.yaml.

FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq-dev librabbitmq-dev pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The dependencies alone first, so that a change of the sources does not fetch them again.
COPY Package.* ./
RUN swift package resolve
COPY Sources Sources
# The commit, for metrics and for people: --build-arg REVISION=$(git rev-parse --short HEAD)
ARG REVISION=unknown
RUN sed -i "s/[$]Format:%h[$]/$REVISION/" Sources/Shared/Candlepost/Version.swift
COPY Tests Tests
RUN swift build --configuration release --static-swift-stdlib --product writer \
    && swift build --configuration release --static-swift-stdlib --product relay \
    && swift build --configuration release --static-swift-stdlib --product console \
    && bin=$(swift build --configuration release --show-bin-path) \
    && install -D --target-directory=/out "$bin/writer" "$bin/relay" "$bin/console" \
    && strip /out/writer /out/relay /out/console

FROM debian:bookworm-slim AS files
# Of the two C libraries the newest that Debian has, security updates included.
RUN apt-get update \
    && apt-get upgrade -y --no-install-recommends \
    && apt-get install -y --no-install-recommends ca-certificates libpq5 librabbitmq4 libstdc++6 zlib1g \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/writer /out/relay /out/console /usr/local/bin/
COPY deploy/image-files /
RUN ["/image-files", "/image", "/usr/local/bin/writer", "/usr/local/bin/relay", "/usr/local/bin/console"]

# The programs, what they are linked with, the certificates, and nothing else: no shell.
FROM scratch
COPY --from=files /image /
COPY LICENSE /usr/local/share/candlepost/
COPY migrations /usr/local/share/candlepost/migrations
ENV PATH=/usr/local/bin
# All must at least find their libraries.
RUN ["writer", "--help"]
RUN ["relay", "--help"]
RUN ["console", "--help"]
USER 10001:10001
EXPOSE 9464 9465 9466
CMD ["writer", "run"]
