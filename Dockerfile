# The platform itself in a container, against the host's engine: see docker-compose.yml and docs/operations.md.
# BASE is any Debian with Node.js ≥ 20, npm, git and a compiler; where no registry answers, dozen/stack:latest is one.
ARG BASE=node:22-bookworm
FROM ${BASE}
# The base may be the stack image: what is made from it is not one.
LABEL dozen.role=platform dozen.stack=
WORKDIR /dozen
COPY package.json package-lock.json ./
COPY scripts ./scripts
RUN node scripts/setup/image.mjs dependencies
COPY . .
RUN node scripts/setup/image.mjs build
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["node", "/dozen/scripts/setup/health.mjs"]
ENTRYPOINT ["node", "/dozen/bin/dozen.mjs"]
CMD ["up"]
