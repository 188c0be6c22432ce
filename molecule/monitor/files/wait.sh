#!/bin/bash
# wait.sh [--first] PATTERN...: wait until a look that began after now has written each line into the textfile.
# With --first it has to be the first such look: that is what "within one tick of the timer" means.
set -euo pipefail
file=/var/lib/prometheus/node-exporter/keepalive.prom
first=
[ "$1" != --first ] || { first=1; shift; }
now=$(date +%s.%N)
for _ in $(seq 1200); do
    text=$(cat "$file" 2>/dev/null || true)
    if awk -v now="$now" '$1 == "keepalive_last_check_timestamp_seconds" { ended = $2 }
            $1 == "keepalive_check_duration_seconds" { took = $2 } END { exit !(ended - took > now) }' <<< "$text"; then
        missing=
        for pattern in "$@"; do grep -qxE -e "$pattern" <<< "$text" || missing="$missing $pattern"; done
        [ -n "$missing" ] || { echo "after $(($(date +%s) - ${now%.*})) s"; exit 0; }
        [ -z "$first" ] || { echo "missing in the first look:$missing"; break; }
    fi
    sleep 0.1
done
cat "$file" >&2
exit 1
