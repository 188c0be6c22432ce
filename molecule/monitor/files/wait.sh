#!/bin/bash
# wait.sh PATTERN...: wait until a look that began after now has written each line into the textfile, and show the file.
set -euo pipefail
file=/var/lib/prometheus/node-exporter/keepalive.prom
began=$(date +%s)
for _ in $(seq 1200); do
    ended=$(sed -n 's/^keepalive_last_check_timestamp_seconds \([0-9]*\).*/\1/p' "$file" 2>/dev/null || true)
    if [ "${ended:-0}" -gt "$began" ]; then
        missing=0
        for pattern in "$@"; do grep -qxE -e "$pattern" "$file" || missing=1; done
        [ $missing = 0 ] && { echo "after $((ended - began)) s"; exit 0; }
    fi
    sleep 0.1
done
cat "$file" >&2
exit 1
