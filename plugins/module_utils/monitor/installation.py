# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the timer onto a host, or take it away with all that it has written."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ..libraries.command_file import NAME
from ..linux.files import FileChange, apply_changes
from ..linux.held_folder import held_folder
from ..linux.systemd import Run
from ..settings.marker import is_marked
from ..settings.options import LIBRARY_DIR
from ..units.dropin import read_drop_in
from .units import FACTS, RUN, SERVICE, TIMER, MonitorWanted, metrics_of, problems_of_monitor, service_text, timer_text

_UNITS = "/etc/systemd/system"
_LINK = "/etc/ansible/facts.d/keepalive.fact"


class MonitorRefused(Exception):
    """It is not as it should be; the text says why."""


class SomebodyElses(MonitorRefused):
    """What stands there is not of this collection."""


class MonitorChange(t.NamedTuple):
    """What was done, or would be."""

    changed: bool
    done: t.Sequence[str]
    before: str
    after: str
    """For a diff."""


def monitor_is_there() -> bool:
    """Tell whether a removal of everything would find something to take away."""
    return os.path.lexists(f"{_UNITS}/{TIMER}") or os.path.lexists(f"{_UNITS}/{SERVICE}")


def take_monitor_away(run: Run, pretend: bool) -> t.Sequence[str]:
    """Remove all of it from this host, because the command that it runs goes; return what was there.

    :raises MonitorRefused: systemd refuses.
    :raises OSError: as the file system said it.
    """
    try:
        return Monitor(run).take_away(pretend).done if monitor_is_there() else ()
    except SomebodyElses:
        return ()


class _There(t.NamedTuple):
    service: t.Optional[str]
    timer: t.Optional[str]
    link: str
    """Where the facts' link leads; '' where there is none."""
    enabled: bool
    active: bool

    def shown(self) -> str:
        """Return it for a diff."""
        parts = [f"# {SERVICE}\n{self.service}" if self.service is not None else ""]
        parts.append(f"# {TIMER}\n{self.timer}" if self.timer is not None else "")
        parts.append(f"{_LINK} -> {self.link}\n" if self.link else "")
        return "".join(parts)


class Monitor:
    """The timer of one host; tests have one elsewhere."""

    def __init__(self, run: Run, root: str = "") -> None:
        self._run = run
        self._root = root
        self._service, self._timer = f"{root}{_UNITS}/{SERVICE}", f"{root}{_UNITS}/{TIMER}"
        self._link = root + _LINK

    def bring(self, wanted: MonitorWanted, pretend: bool) -> MonitorChange:
        """Have the host look at itself.

        :raises MonitorRefused: something is wrong with what is wanted, or with the host.
        :raises OSError: as the file system said it.
        """
        wrong = problems_of_monitor(wanted)
        command = f"{self._root}{LIBRARY_DIR}/{NAME}"
        if not os.path.exists(command) and not pretend:
            wrong.append(f"{command} is not there: enable keepalive on this host first (enable_keepalive)")
        wrong += self._wrong_with_folder(wanted.textfile) if wanted.textfile and not wrong else []
        if wrong:
            raise MonitorRefused("; ".join(wrong))
        there = self._look()
        service, timer = service_text(wanted), timer_text(wanted)
        after = there._replace(service=service, timer=timer, link=FACTS if wanted.facts else "")
        done = [
            name for name, old, new in ((SERVICE, there.service, service), (TIMER, there.timer, timer)) if old != new
        ]
        done += [_LINK] if there.link != after.link else []
        starts = there.timer != timer or not (there.enabled and there.active)
        done += ["started"] if starts else []
        if done and not pretend:
            apply_changes([
                FileChange(path, old, new)
                for path, old, new in ((self._service, there.service, service), (self._timer, there.timer, timer))
                if old != new
            ])  # fmt: skip
            self._remove_metrics(there, wanted.metrics)
            self._set_link(after.link)
            self._systemctl("daemon-reload")
            if starts:
                self._systemctl("enable", TIMER)
                self._systemctl("restart", TIMER)
        return MonitorChange(bool(done), done, there.shown(), after.shown())

    def take_away(self, pretend: bool) -> MonitorChange:
        """Remove all of it.

        :raises MonitorRefused: what stands there is not ours.
        :raises OSError: as the file system said it.
        """
        there = self._look()
        done = [name for name, text in ((SERVICE, there.service), (TIMER, there.timer)) if text is not None]
        done += [_LINK] if there.link else []
        metrics = metrics_of(there.service or "")
        done += [metrics] if metrics and os.path.lexists(self._root + metrics) else []
        if done and not pretend:
            if there.timer is not None:
                self._systemctl("disable", "--now", TIMER)
            if there.service is not None:
                self._systemctl("stop", SERVICE)
            self._remove_metrics(there, "")
            self._set_link("")
            files = ((self._service, there.service), (self._timer, there.timer))
            for path, text in files:
                if text is not None:
                    os.unlink(path)
            self._systemctl("daemon-reload")
            self._run(["systemctl", "reset-failed", SERVICE])
            with contextlib.suppress(OSError):
                os.unlink(self._root + FACTS)
            with contextlib.suppress(OSError):
                os.rmdir(f"{self._root}/run/{RUN}")
        return MonitorChange(bool(done), done, there.shown(), "")

    def _look(self) -> _There:
        texts = [read_drop_in(path) for path in (self._service, self._timer)]
        for path, text in zip((self._service, self._timer), texts):
            if text is not None and not is_marked(text):
                raise SomebodyElses(f"{path} is not a file of this collection: remove it, or give it another name")
        link = os.readlink(self._link) if os.path.islink(self._link) else ""
        if link != FACTS and os.path.lexists(self._link):
            raise SomebodyElses(f"{self._link} is not a link of this collection: remove it, or say facts: false")
        states = [self._run(["systemctl", word, "--quiet", TIMER])[0] == 0 for word in ("is-enabled", "is-active")]
        return _There(texts[0], texts[1], link, states[0], states[1])

    def _wrong_with_folder(self, folder: str) -> t.List[str]:
        try:
            with held_folder(self._root + folder):
                return []
        except OSError as error:
            return [f"textfile: {error}; install node_exporter, or name the folder that its textfile collector reads"]

    def _remove_metrics(self, there: _There, but: str) -> None:
        """Remove the file that the old service wrote, where the new one writes another."""
        old = metrics_of(there.service or "")
        if not old or old == but:
            return
        with contextlib.suppress(OSError), held_folder(self._root + os.path.dirname(old)) as held:
            os.unlink(os.path.basename(old), dir_fd=held)

    def _set_link(self, target: str) -> None:
        if os.path.islink(self._link):
            if os.readlink(self._link) == target:
                return
            os.unlink(self._link)
        folder = os.path.dirname(self._link)
        if target:
            os.makedirs(folder, mode=0o755, exist_ok=True)
            os.symlink(target, self._link)
            return
        for emptied in (folder, os.path.dirname(folder)):
            with contextlib.suppress(OSError):
                os.rmdir(emptied)

    def _systemctl(self, *words: str) -> None:
        status, _out, error = self._run(["systemctl", *words])
        if status:
            raise MonitorRefused(f"systemctl {' '.join(words)}: {error.strip() or f'status {status}'}")
