"""stage.py before|dropins|after|wide: units whose sockets are wrong, each for its own reason; see SERVICES.

before: what is older than its drop-in. dropins: prints the drop-ins, for the collection to write. after: what is
started with them. wide: what is started once /etc/ld.so.preload is there.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import time

LAB = pathlib.Path("/usr/local/lib/lab")
UNITS = pathlib.Path("/etc/systemd/system")
PYTHON = f"/usr/bin/python3 {LAB}/actor.py"
LIBRARIES = "/usr/lib/libkeepalive"
NOTIFY = "Type=notify\nNotifyAccess=all\n"

# name: what it runs, further lines of [Service], when it is started for the first time
SERVICES = {
    "server": (f"{PYTHON} serve", NOTIFY, "before"),
    "giver": (f"{PYTHON} giver", NOTIFY, "before"),
    "right": (f"{PYTHON} client", NOTIFY, "after"),
    "unrestarted": (f"{PYTHON} client", NOTIFY, "before"),
    "stale": (f"{PYTHON} client", NOTIFY, "before"),
    "static": (f"{LAB}/hold_static", "", "after"),
    "musl": (f"{LAB}/hold_musl", "", "after"),
    "setuid": (f"{LAB}/hold_setuid", "User=nobody\n", "after"),
    "capable": (f"{LAB}/hold_capable", "User=nobody\n", "after"),
    "hidden": (f"{LAB}/hold_dynamic", f"InaccessiblePaths={LIBRARIES}\n", "after"),
    "narrow": (f"{LAB}/hold_32", "", "after"),
    "envfile": (f"{PYTHON} client", f"{NOTIFY}EnvironmentFile={LAB}/envfile\n", "after"),
    "disabled": (f"{PYTHON} client", NOTIFY, "after"),
    "tuned": (f"{PYTHON} client 300", NOTIFY, "after"),
    "taker": (f"{PYTHON} taker", NOTIFY, "after"),
    "storer": (f"{PYTHON} storer", f"{NOTIFY}FileDescriptorStoreMax=1\n", "before"),
    "inheritor": (f"{PYTHON} inheritor", "", "after"),
    "multipath": (f"{PYTHON} multipath", NOTIFY, "after"),
    "private": (f"{PYTHON} private", f"{NOTIFY}PrivateNetwork=yes\n", "after"),
    "waiter": (f"{PYTHON} waiter", NOTIFY, "after"),
    "many@": (f"{PYTHON} client", NOTIFY, "after"),
    "wide": (f"{PYTHON} client", NOTIFY, "wide"),
    "wide-setuid": (f"{LAB}/hold_setuid", "User=nobody\n", "wide"),
    "wide-musl": (f"{LAB}/hold_musl", "", "wide"),
}
LIBRARY = {"inheritor": "libkeepalive_listen.so", "multipath": "libkeepalive_listen.so", "private": "libkeepalive.so"}
VALUES = {"multipath": {"TCP_USER_TIMEOUT": "5000"}, "private": {"TCP_KEEPCNT": "0"}}


def write(path: pathlib.Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def drop_in(name: str, **changes: str) -> str:
    """Return what the collection would write."""
    library = f"{LIBRARIES}/{LIBRARY.get(name, 'libkeepalive.so')}"
    values = {"LD_PRELOAD": library, "TCP_KEEPIDLE": "60", "TCP_KEEPINTVL": "15", "TCP_KEEPCNT": "9"}
    values.update(VALUES.get(name, {}), **changes)
    lines = "".join(f"Environment={key}={value}\n" for key, value in values.items())
    return f"# Managed by netops.keepalive\n[Service]\n{lines}"


def systemctl(*arguments: str) -> None:
    subprocess.run(["systemctl", *arguments], check=True)


def start(when: str) -> None:
    units = [f"{name}.service" for name, service in SERVICES.items() if service[2] == when and not name.endswith("@")]
    if when == "after":
        units += ["many@one.service", "many@two.service"]
    systemctl("daemon-reload")
    systemctl("start", "server.service")  # the others connect to it as soon as they start
    systemctl("start", *units)


def before() -> None:
    for name, (command, lines, _when) in SERVICES.items():
        write(UNITS / f"{name}.service", f"[Service]\nExecStart={command}\n{lines}")
    write(UNITS / "inheritor.socket", "[Socket]\nListenStream=127.0.0.1:9001\n")
    write(LAB / "envfile", "TCP_KEEPIDLE=30\n")
    for name, flags in (("dynamic", []), ("static", ["-static"]), ("32", ["-m32"]), ("setuid", []), ("capable", [])):
        subprocess.run(["gcc", *flags, "-o", LAB / f"hold_{name}", LAB / "hold.c"], check=True)
    for number in (1, 38):
        subprocess.run(["gcc", "-o", LAB / f"python-without-getfd-{number}", LAB / "without_getfd.c"], check=True)
    (LAB / "hold_setuid").chmod(0o4755)
    # CAP_NET_BIND_SERVICE, effective and permitted: VFS_CAP_REVISION_2 (linux/capability.h).
    os.setxattr(LAB / "hold_capable", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
    write(UNITS / "stale.service.d" / "zz-keepalive.conf", drop_in("stale", TCP_KEEPIDLE="30"))
    start("before")


def dropins() -> None:
    names = [name for name, service in SERVICES.items() if name not in ("server", "giver") and service[2] != "wide"]
    print(json.dumps([{"unit": f"{name}.service", "content": drop_in(name)} for name in names]))


def silence(unit: str) -> int:
    """Return for how many milliseconds the kernel says that a unit's connection has carried nothing either way."""
    show = subprocess.run(["systemctl", "show", "--property=MainPID", "--value", unit], capture_output=True, check=True)
    lines = subprocess.run(["ss", "-tinpHO"], capture_output=True, check=True).stdout.splitlines()
    (line,) = (line for line in lines if b"pid=%s," % show.stdout.strip() in line)
    times = dict(re.findall(rb"(lastsnd|lastrcv):(\d+)", line))  # neither is there while it is 0
    return min(int(times.get(name, 0)) for name in (b"lastsnd", b"lastrcv"))


def wait_until_silent(unit: str) -> None:
    """However fast the machine is: whoever is started after this is younger than what the connection has carried."""
    deadline = time.monotonic() + 120
    while silence(unit) < 1000:
        if time.monotonic() > deadline:
            raise SystemExit(f"the connection of {unit} is not silent")
        time.sleep(0.05)


def after() -> None:
    write(pathlib.Path("/etc/libkeepalive.conf"), "[unit disabled.service]\nLIBKEEPALIVE_DISABLE=1\n")
    # What has to last from one process to the next is kept only through a restart.
    systemctl("daemon-reload")
    systemctl("restart", "storer.service")
    systemctl("start", "inheritor.socket")
    wait_until_silent("giver.service")
    start("after")


def wide() -> None:
    write(pathlib.Path("/etc/libkeepalive.conf"), "TCP_KEEPIDLE=61\n[unit wide*.service]\nTCP_KEEPIDLE=60\n")
    start("wide")


if __name__ == "__main__":
    {"before": before, "dropins": dropins, "after": after, "wide": wide}[sys.argv[1]]()
