"""What the tests with more than one controller share: rolling out to one host, and looking at it by another way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

RUN, CONTAINER, INVENTORY, HOST = sys.argv[1:5]
SCENARIO = Path(__file__).resolve().parent.parent
FAULTS = SCENARIO.parent / "faults" / "files"
STATE = (FAULTS / "state.py").read_text(encoding="utf-8")
sys.path.append(str(FAULTS))

import kills_host  # noqa: E402
import kills_left  # noqa: E402

LIMIT = 600
"""Seconds in which a rollout has to end that nobody kills."""
UNITS = ("steady.service", "fickle.service")


def start(variables: t.Mapping[str, t.Any]) -> subprocess.Popen[str]:
    """Begin a rollout to the host, in a session of its own, so that it can be killed with all its children."""
    command = [
        "ansible-playbook", f"--inventory={INVENTORY}", f"--limit={HOST}", f"--extra-vars={json.dumps(variables)}",
        str(SCENARIO.parent.parent / "enable-keepalive.yml"),
    ]  # fmt: skip
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=kills_left.environment(), start_new_session=True,
    )  # fmt: skip


def said_by(run: subprocess.Popen[str]) -> str:
    """Wait for the end of a rollout; return what it printed."""
    try:
        return run.communicate(timeout=LIMIT)[0]
    except subprocess.TimeoutExpired as late:
        with contextlib.suppress(ProcessLookupError):  # what has left its group can still hold its output
            os.killpg(run.pid, signal.SIGKILL)
        printed = (late.output or b"").decode(errors="replace")
        raise AssertionError(f"a rollout has not ended after {LIMIT} s; it printed until then: {printed}") from None


def wait_for_its_end() -> None:
    """Wait until nothing of a killed run is at work: what it has begun on the host ends by itself, and locks it."""
    left = kills_left.left_after(kills_host.LIMIT)
    assert not left, f"{kills_host.LIMIT:.0f} s after the kill there live of the run, on the controller: {left}"
    seen = kills_host.ended(CONTAINER)
    assert not kills_host.hangs(seen), f"{kills_host.LIMIT:.0f} s later, on {HOST}: {kills_host.hangs(seen)}"


def state() -> dict[str, t.Any]:
    """Files and processes of the host, not asked for through Ansible."""
    command = [RUN, "podman", "exec", "-i", CONTAINER, "python3", "-", *UNITS]
    done = subprocess.run(command, input=STATE, capture_output=True, text=True, check=True)
    answer: dict[str, t.Any] = json.loads(done.stdout)
    return answer


def podman(*command: str) -> str:
    """Run a command on the host, by another way than Ansible's; return what it prints."""
    return subprocess.run(
        [RUN, "podman", "exec", CONTAINER, *command], capture_output=True, text=True, check=False
    ).stdout


def read(path: str) -> str:
    """A file of the host; what is not there is empty."""
    return podman("cat", path)


def values() -> dict[str, tuple[str, t.Any]]:
    """Each unit's state, and the value its process was started with."""
    units = state()["units"]
    return {name: (units[name]["state"], units[name].get("environment", {}).get("TCP_KEEPIDLE")) for name in UNITS}
