# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the libraries go by in one process: defaults < settings file < environment, which AT_SECURE leaves out."""

from __future__ import annotations

import typing as t

from ..host_wide.settings_file import (
    DISABLE,
    PATH,
    RESPECT,
    Settings,
    value_of,
)
from ..linux.printable import printable
from ..settings.expectation import Expectation
from ..settings.options import OPTIONS


class Effective(t.NamedTuple):
    """The values in force in a process."""

    tcp: t.Dict[str, int]
    """By the names of OPTIONS, all of them."""
    disable: bool
    respect: bool
    sources: t.Dict[str, str]
    """Variable → 'environment' or 'file'; what is not in it is the libraries' default."""
    shown: t.Dict[str, str]
    """Variable → what stands in the environment, also where the libraries ignore it."""

    def source(self, variable: str) -> str:
        """Return 'environment', 'file' or 'default'. What is missing in the environment is the environment's matter."""
        return self.sources.get(variable, "default")

    def described(self, variable: str) -> str:
        """Say what the process has for a variable, and whence where that is not the environment."""
        if self.source(variable) == "file":
            name = next((name for name, option in OPTIONS.items() if option.variable == variable), None)
            value = self.tcp[name] if name else 1
            return f"{variable}={value} from {PATH}"
        return f"{variable}={printable(self.shown[variable], 60)}" if variable in self.shown else f"no {variable}"


def effective(
    environment: t.Mapping[str, str], settings: t.Optional[Settings] = None, secure: bool = False
) -> Effective:
    """Work out what a library takes from an environment and the settings file."""
    values: t.Dict[str, int] = {}
    sources: t.Dict[str, str] = {}
    if settings is not None:
        values.update(settings.values)
        sources.update(dict.fromkeys(settings.values, "file"))
    known = [option.variable for option in OPTIONS.values()] + [DISABLE, RESPECT]
    shown = {name: environment[name] for name in known if name in environment and not secure}
    for variable, text in shown.items():
        number = value_of(variable, text)
        if number is not None:
            values[variable] = number
            sources[variable] = "environment"
    return Effective(
        tcp={name: values.get(option.variable, option.default) for name, option in OPTIONS.items()},
        disable=bool(values.get(DISABLE)),
        respect=bool(values.get(RESPECT)),
        sources=sources,
        shown=shown,
    )


def differing(has: Effective, expectation: Expectation, direction: str) -> t.List[str]:
    """List the options that the process has other values for than are expected of sockets of this direction."""
    acting = expectation.acting(direction)
    return [
        name
        for name, wanted in expectation.tcp.items()
        if has.tcp[name] != wanted and acting.intersection(OPTIONS[name].libraries)
    ]
