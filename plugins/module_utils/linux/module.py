# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AnsibleModule as the modules of this collection use it: the ways in and out that are the same for all of them."""

from __future__ import annotations

import json
import os
import signal
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import scratch, unit_names
from .answering import SILENT
from .printable import printable, shown
from .stuck import Watch

_MOST_TOLD = 3


def _failure(why: str) -> bytes:
    """Return a failure as a module puts it out."""
    return json.dumps({"failed": True, "msg": printable(why)}).encode() + b"\n"


def _end(number: int, _frame: t.Any) -> t.NoReturn:
    raise SystemExit(128 + number)


class Module(AnsibleModule):
    """Nothing of what it returns holds a character that is not printable, see linux/printable.py.

    What has to come back byte for byte (drop-ins of before, for the way back) goes out as Base64.
    """

    def __init__(self, *arguments: t.Any, **named: t.Any) -> None:
        self._watch = Watch(_failure, 1)
        super().__init__(*arguments, **named)  # may fail
        place: t.Optional[str] = getattr(self, "_remote_tmp", None)
        scratch.ANSIBLES[:] = [os.path.expanduser(os.path.expandvars(place))] if place else []
        self._watch.start()

    def exit_json(self, **kwargs: t.Any) -> t.NoReturn:
        """Return a result."""
        self._watch.stop()
        self._tell_of_silent()
        super().exit_json(**shown(kwargs))
        raise AssertionError("exit_json has returned")

    def fail_json(self, msg: t.Union[str, t.Sequence[str]], **kwargs: t.Any) -> t.NoReturn:
        """Return a failure.

        :param msg: A text, of one line whatever was put into it, or its lines.
        """
        self._watch.stop()
        self._tell_of_silent()
        text = printable(msg) if isinstance(msg, str) else "\n".join(map(printable, msg))
        super().fail_json(msg=text, **shown(kwargs))
        raise AssertionError("fail_json has returned")

    def _tell_of_silent(self) -> None:
        told = sorted(SILENT)
        for pid in told[:_MOST_TOLD]:
            self.warn(SILENT[pid])
        if told[_MOST_TOLD:]:
            self.warn(f"{len(told) - _MOST_TOLD} more processes do not let themselves be read")

    def warn(self, warning: str, **kwargs: t.Any) -> None:
        """Say something beside the result."""
        super().warn(printable(warning), **kwargs)

    def add_path_info(self, kwargs: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
        """Add nothing to a result with a path: AnsibleModule would look its owner's name up over the network."""
        return kwargs

    def end_in_order(self) -> None:
        """End by way of every C(finally) when the connection goes away, so that no temporary folder stays."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _end)

    def label(self, path: str, place: t.Optional[str] = None) -> bool:
        """Give a file the security label that the policy has for the place where it will stand; by default its own.

        :return: Whether it had another; in check mode no more is done than to tell.
        """
        if not self.selinux_enabled():
            return False
        return bool(self.set_context_if_different(path, self.selinux_default_context(place or path), False))

    def check_units(self, *options: str, patterns: bool = False) -> None:
        """Fail where an option holds what is not the name of a .service or .socket unit; all mistakes at once.

        :param options: Lists of names (V(units)), or of dictionaries with the name under a key (V(services.name)).
        :param patterns: Patterns of names will do as well.
        """
        problems: t.List[str] = []
        for option in options:
            name, _dot, key = option.partition(".")
            problems += unit_names.problems_with(unit_names.in_list(name, self.params[name], key), patterns)
        if problems:
            self.fail_json(msg=f"nothing was done: {'; '.join(problems)}")
