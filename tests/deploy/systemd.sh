#!/usr/bin/env bash
# `make test-systemd`, as root: boots a Debian with systemd, installs the units there, and looks at what they do.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "This boots a machine: run it as root." >&2; exit 2; }
exec .venv/bin/python -m tests.deploy.on_systemd
