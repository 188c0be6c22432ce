#!/usr/bin/env bash
# send.sh RUN CONTAINER FILES PROGRAMS: put the scenario's files on a host, and the program that it shares with other ones.
set -euo pipefail
tar --create --owner root --group root --directory "$3" . \
    --directory "$4" --transform 's,^hold.py,usr/local/lib/field/hold.py,' hold.py |
    "$1" podman exec -i "$2" tar --directory / --no-overwrite-dir --extract
