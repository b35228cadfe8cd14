#!/usr/bin/env bash
# `make test-container`, as root: builds the image, brings compose up, and looks at what it does.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "This starts a Docker engine of its own: run it as root." >&2; exit 2; }
exec .venv/bin/python -m tests.deploy.in_containers
