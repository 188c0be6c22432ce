# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends the sources of the libraries, or prebuilt ones, along with the module of the same name: one call for a host."""

from __future__ import annotations

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils.command import archive
from ..module_utils.libraries import build
from ..module_utils.libraries import prebuilt as libraries_prebuilt
from ..plugin_utils import _locked
from ..plugin_utils._carried_look import CODE
from ..plugin_utils._core import Action, AnsibleActionFail
from ..plugin_utils._delegate import problem_with_delegate
from ..plugin_utils._foreseen_diffs import put_off
from ..plugin_utils._prebuilt import read_brought, read_sources


class ActionModule(Action):
    """See the module's DOCUMENTATION."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if arguments.get("state", "present") == "present":
            by_python = boolean(arguments.pop("by_python", False))
            prebuilt = arguments.pop("prebuilt", None)
            signers = arguments.pop("signers", None) or ""
            compiled = arguments.pop("compiled", None) or {}
            delegate = arguments.pop("delegate", None)
            if delegate:
                groups, host = (task_vars or {}).get("groups", {}), str((task_vars or {}).get("inventory_hostname"))
                problem = problem_with_delegate(delegate, prebuilt or "", groups, host)
                if problem:
                    raise AnsibleActionFail(problem)
                arguments["delegated"] = True
            if not prebuilt:
                prebuilt, signers = compiled.get("folder"), ""  # nobody has signed what this run has compiled
            if prebuilt:
                brought = read_brought(self, prebuilt, signers)
                arguments["prebuilt_files"] = {
                    name: libraries_prebuilt.pack(files) for name, files in brought.variants.items()
                }
                arguments["prebuilt_manifests"] = brought.manifests
            elif by_python:
                arguments["helper"] = archive.collect(entry=archive.ATTACHING)
            elif not arguments.get("sources") and not arguments.get("prebuilt_files"):
                sources = read_sources()
                if boolean(arguments.get("delegated", False)):
                    arguments["sources_digest"] = build.digest_of_sources(sources)
                else:
                    arguments["sources"] = sources
            arguments.setdefault("command", archive.collect())
            arguments.setdefault("look", CODE)
        result.update(_locked.execute(self, "preload_libraries", arguments, task_vars))
        if self._task.check_mode and (task_vars or {}).get("keepalive_build_reported"):
            put_off(result)
        return result
