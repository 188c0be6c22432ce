"""locks.py: holds every lock that may be had, on every folder and file that root may want to lock."""

from __future__ import annotations

import fcntl
import os
import time

PLACES = (
    "/", "/etc", "/etc/systemd", "/etc/systemd/system", "/usr", "/usr/lib", "/usr/lib/libkeepalive", "/usr/local/bin",
    "/run", "/run/netops.keepalive", "/run/libkeepalive", "/var/lib", "/var/lib/netops.keepalive", "/tmp", "/var/tmp",
    "/etc/ld.so.preload", "/etc/libkeepalive.conf", "/usr/lib/libkeepalive/manifest.json",
)  # fmt: skip


def main() -> None:
    """Lock what is there now, and whatever comes later."""
    held: dict[str, int] = {}
    while True:
        for place in PLACES:
            try:
                status = os.stat(place)
                if held.get(place) == status.st_ino:
                    continue
                descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held[place] = status.st_ino
            except OSError:
                continue
        if not os.path.exists(os.environ["READY"]):
            open(os.environ["READY"], "w", encoding="ascii").close()
        time.sleep(0.1)


if __name__ == "__main__":
    main()
