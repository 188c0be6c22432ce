# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the hosts' variables say of services already when an audit advises more."""

from __future__ import annotations

import itertools
import typing as t

from ..module_utils.audit.paste import SetAlready
from ..module_utils.settings.variables import is_layer


def set_already(hosts: t.Iterable[str], variables_of: t.Callable[[str], t.Mapping[str, t.Any]]) -> SetAlready:
    """Return what the hosts' variables say of services, as they were resolved before an audit."""
    lists: set[str] = set()
    units = {}
    for host in hosts:
        variables = variables_of(host)
        lists.update(name for name in variables if (name == "keepalive_services" or is_layer(name)) and variables[name])
        told = (variables.get(f"keepalive_services_{which}") or () for which in ("resolved", "absent"))
        names = [each["name"] for each in itertools.chain(*told)]
        units[host] = frozenset(names)
    return SetAlready(frozenset(lists), units)
