# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which libraries a host is to have, as its variables say it, and what is asked of the host to tell whether it has."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils.command import archive
from ..module_utils.libraries.plan import Asked
from ..module_utils.look.libraries import digest_of_command
from ..module_utils.look.remarks import Compiler
from ..module_utils.settings.options import LIBRARY_DIR
from ._delegate import problem_with_delegate
from ._prebuilt import Unusable, read_brought, read_sources
from ._variables import HostVariables

COMMAND = digest_of_command(archive.collect())
"""Made when Ansible loads the action, in the process that all tasks are forked from."""


HELPER = archive.assemble(archive.collect(entry=archive.ATTACHING), archive.INTERPRETERS[0], archive.ATTACHING)
"""keepalive-bpf for a host on which nothing can be compiled; the same bytes for all."""


class WantedLibraries:
    """What a run would install on a host.

    :param wanted: whether it needs libraries at all.
    """

    def __init__(self, action: ActionBase, variables: HostVariables, wanted: bool) -> None:
        self._action = action
        self._variables = variables
        self._prebuilt = variables.get("keepalive_build_prebuilt") or ""
        self._delegate = variables.get("keepalive_build_delegate") or ""
        packages, command = variables.get("keepalive_build_packages"), variables.get("keepalive_build_cc", "cc")
        self.compiler = Compiler(bool(self._prebuilt or self._delegate), packages, command)
        restarts_only = "restart" in (variables.get("ansible_run_tags") or ())
        self.asked = self._asked() if wanted and not restarts_only else None
        """What would be installed; None where no library is."""

    def question(self) -> dict[str, t.Any] | None:
        """Return what the host is asked; None where nothing is."""
        if self.asked is None:
            return None
        return {
            "cc": self.asked.cc,
            "compiles": self.asked.compiles,
            "names": sorted({name for files in self.asked.variants.values() for name in files}),
            "command": COMMAND,
        }

    def _asked(self) -> Asked | None:
        variables = self._variables
        groups, host = variables.all.get("groups", {}), str(variables.all.get("inventory_hostname"))
        problem = problem_with_delegate(self._delegate, self._prebuilt, groups, host)
        if problem:
            variables.mistakes.append(problem)
        asked = Asked(
            LIBRARY_DIR,
            variables.get("keepalive_build_cc", "cc"),
            variables.get("keepalive_build_cflags") or None,
            variables.get("keepalive_build_ldflags") or None,
            delegated=bool(self._delegate),
            waits=True,
        )
        if not self._prebuilt:
            return asked._replace(sources=read_sources())
        try:
            brought = read_brought(self._action, self._prebuilt, variables.get("keepalive_build_signers") or "")
            return asked._replace(variants=brought.variants, manifests=brought.manifests)
        except Unusable as error:
            problems = error.problems
        except AnsibleError as error:
            problems = [error.message]
        variables.mistakes += [f"keepalive_build_prebuilt: {problem}" for problem in problems]
        return None
