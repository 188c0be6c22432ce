"""What lives of a run on this machine: its tasks go on where ansible-playbook alone was killed."""

from __future__ import annotations

import os
import pathlib
import time

MARK = "KILLS_OF_PROCESS"


def environment() -> dict[str, str]:
    """Return the environment by which the processes of a run are known as ours."""
    return {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", MARK: str(os.getpid())}


def left_after(limit: float) -> list[str]:
    """Wait until nothing of our runs lives here. Returns what does so after so many seconds, as ps shows it."""
    deadline = time.monotonic() + limit
    while True:
        left = [command for one in pathlib.Path("/proc").glob("[0-9]*") if (command := _command_of_a_run(one))]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def _command_of_a_run(process: pathlib.Path) -> str:
    """Return what a process of a run of ours is, else nothing.

    Of ssh's connection, which is kept open for the next and does no harm, nothing either.
    """
    try:
        environ = (process / "environ").read_bytes().split(b"\0")
        command = (process / "cmdline").read_bytes()
    except OSError:
        return ""
    kept_open = b"[mux]" in command or b"/usr/sbin/sshd" in command  # and what carries it
    if f"{MARK}={os.getpid()}".encode() not in environ or kept_open:
        return ""
    return f"{process.name} {command.decode(errors='replace').replace(chr(0), ' ').strip()}"
