# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a number stands in the file that it was read from; for filters, which run where that file is."""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleError

from ._core import text_of

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # not a public interface: without it, 0x20 is the 32 that YAML makes of it
    Origin = None


try:
    from ansible._internal._templating._utils import TemplateContext
except ImportError:
    TemplateContext = None


def read_plain(path: str) -> str:
    """Read a file of the inventory; one that is vaulted is decrypted where Ansible's loader is at hand (in filters)."""
    context = TemplateContext.current(optional=True) if TemplateContext is not None else None
    loader = getattr(getattr(context, "templar", None), "_loader", None)
    return reader_of(loader)(path)


def reader_of(loader: t.Any) -> t.Callable[[str], str]:
    """Return what reads a file; with Ansible's loader (an action's C(self._loader)) it decrypts what is vaulted."""

    def read(path: str) -> str:
        if loader is not None:
            return text_of(loader, path)
        with open(path, encoding="utf-8") as source:
            return source.read()

    return read


def spelling(value: t.Any, read: t.Callable[[str], str] = read_plain) -> str | None:
    """Return how an integer stands in its file where YAML 1.1 read another number than a person does.

    To YAML, C(0x20) is 32, C(010) is 8 and C(1:30) is 90: as seconds, none of them is what was meant.
    """
    origin = Origin.get_tag(value) if Origin is not None and isinstance(value, int) else None
    if origin is None or not (origin.path and origin.line_num and origin.col_num):
        return None
    try:
        lines = read(origin.path).split("\n")
    except (OSError, UnicodeDecodeError, AnsibleError):
        return None
    if lines[0].startswith("$ANSIBLE_VAULT;") or len(lines) < origin.line_num:
        return None  # what stands there is not what was read
    token = re.match(r"[+-]?[0-9][0-9A-Za-z_:]*", lines[origin.line_num - 1][origin.col_num - 1 :])
    if token is None or token[0] == str(value):
        return None
    return token[0]
