# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has the module of the same name compile, and puts what it made into a folder on the controller.

Many hosts may ask for the same at once, each in a process of its own and, under another strategy than C(linear), at any
time: a lock lets one of them do it, and a file tells the others of the same run how it went.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display

from ..module_utils.libraries import build, install, prebuilt
from ..module_utils.libraries.manifest import damaged_files, read_manifest
from ..module_utils.linux.file_lock import NotLocked, locked
from ..module_utils.linux.files import replace_file
from ..module_utils.linux.printable import quoted
from ..plugin_utils._core import Action, AnsibleActionFail
from ..plugin_utils._prebuilt import SIGNATURE, read_prebuilt, read_sources

Result = t.Dict[str, t.Any]
_TOLD = ("failed", "msg", "changed", "kind", "machine", "libc", "compiler", "reason", "folder", "files", "needs")

_COMPILING = 1800
"""Seconds that the host that compiles may take, its package manager included."""


class ActionModule(Action):
    """See the module's DOCUMENTATION."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: Result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        output = arguments.pop("output", None)
        wanted = arguments.pop("for_host", None)
        if not arguments.get("sources"):
            arguments["sources"] = read_sources()
        asker = str((task_vars or {}).get("inventory_hostname"))
        builder = str(self._task.delegate_to or asker)
        if output:
            answer = self._into(os.path.abspath(os.path.expanduser(output)), builder, arguments, task_vars)
        else:
            answer = self._once(builder, arguments, task_vars)
        if wanted and not answer.get("failed"):
            _check_fit(answer, wanted, builder, asker)
        result.update(answer)
        if output and not result.get("failed"):
            Display().display(f"{asker}: {_in_words(result)}")
        return result

    def _once(self, builder: str, arguments: Result, task_vars: t.Any) -> Result:
        """Compile into a folder of this run, the first time only."""
        folder = _folder_of_run("compiled", [builder, self._task.check_mode, arguments])
        told = os.path.join(folder, ".answer.json")
        with _locked(builder, folder):
            try:
                with open(told, "rb") as file:
                    answer: Result = json.load(file)
            except FileNotFoundError:
                answer = self._compile(folder, builder, arguments, task_vars)
                answer["changed"] = False  # nothing is left of it when the run is over
                _write(told, {key: answer[key] for key in _TOLD if key in answer})
        return answer

    def _into(self, folder: str, builder: str, arguments: Result, task_vars: t.Any) -> Result:
        """Compile into the user's folder, what is not there yet; of two hosts of one kind the first one compiles."""
        claims = os.path.join(_folder_of_run("claimed", [folder]), "hosts.json")
        with _locked(builder, os.path.dirname(claims)):
            try:
                with open(claims, "rb") as file:
                    claimed: dict[str, str] = json.load(file)
            except FileNotFoundError:
                claimed = {}
            others = {kind: host for kind, host in claimed.items() if host != builder}
            have = {}
            for place in sorted(pathlib.Path(folder).glob("*/")):
                manifest = read_manifest(str(place), private=False)
                if manifest and not damaged_files(manifest, str(place)):
                    have[place.name] = manifest.made
            answer = self._compile(folder, builder, {**arguments, "have": have, "claimed": others}, task_vars)
            if not answer.get("failed") and answer["kind"] not in others:
                _write(claims, {**claimed, answer["kind"]: builder})
        return answer

    def _compile(self, folder: str, builder: str, arguments: Result, task_vars: t.Any) -> Result:
        try:
            answer: Result = self._execute_module(
                module_name="netops.keepalive.prebuilt_libraries", module_args=arguments, task_vars=task_vars
            )
        except AnsibleConnectionFailure as error:
            return {"failed": True, "msg": f"{builder}, which is to compile, cannot be reached: {quoted(str(error))}"}
        answer.pop("invocation", None)
        contents, made = answer.pop("contents", None), answer.pop("made", None)
        if answer.get("failed"):
            return {**answer, "msg": f"{builder} cannot compile: {answer.get('msg')}"}
        if not prebuilt.is_kind(answer["kind"]):  # the host's word, and here it becomes the name of a folder
            raise AnsibleActionFail(f"{builder} says that it is a host of kind {answer['kind']!r}, which is none")
        place = os.path.join(folder, answer["kind"])
        if contents is not None:
            try:
                (files,) = prebuilt.unpack({answer["kind"]: contents}, {}).values()
                os.makedirs(folder, exist_ok=True)
                pathlib.Path(place, SIGNATURE).unlink(missing_ok=True)  # it was of what stood there until now
                install.install(place, files, made, lambda paths: None, lambda path, target: False)
            except (OSError, ValueError) as error:
                raise AnsibleActionFail(f"what {builder} compiled cannot be put into {place}: {error}") from error
        manifest = read_manifest(place, private=False)
        if manifest:
            answer["folder"] = folder
            answer["files"] = manifest.files
            answer["needs"] = prebuilt.needed_libc(read_prebuilt(pathlib.Path(place)).variants[answer["kind"]])
        return answer


def _check_fit(answer: Result, wanted: t.Mapping[str, str], builder: str, asker: str) -> None:
    """Stop before anything is sent to a host that could not use it."""
    host = build.Platform(wanted["machine"], wanted["libc"])
    problem = ""
    if answer.get("folder"):
        try:
            prebuilt.choose_variant(read_prebuilt(pathlib.Path(answer["folder"])).variants, host)
        except build.BuildError as error:
            problem = str(error)
    elif answer["machine"] != host.machine:
        problem = f"{builder} is {answer['machine']}, and {asker} is {host.machine}"
    if problem:
        raise AnsibleActionFail(
            f"what {builder} compiles does not fit {asker}: {problem}; have a host compile for it that has the same"
            " processor and C library, the latter not newer"
        )


def _in_words(answer: Result) -> str:
    """Say what is in a folder that somebody wanted, or in check mode would be."""
    if "folder" not in answer:
        return f"{answer['kind']}: would be compiled, {answer['reason']}"
    whose = f"{answer['needs']} or newer" if answer["needs"] else "for every C library"
    return f"{answer['folder']}/{answer['kind']}: {whose}, {answer['reason'] or 'nothing to compile'}"


def _folder_of_run(purpose: str, key: t.Any) -> str:
    """Return a folder that all processes of this run of Ansible share, and that is gone when it is over."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()
    folder = os.path.join(C.DEFAULT_LOCAL_TMP, f"keepalive-{purpose}-{digest[:16]}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def _write(path: str, content: t.Any) -> None:
    replace_file(path, json.dumps(content).encode(), 0o600)


@contextlib.contextmanager
def _locked(builder: str, folder: str) -> t.Iterator[None]:
    """Let one task of this run compile on a host, and the others wait for it, but not for a host that hangs.

    :param folder: of this run alone, see _folder_of_run.
    """
    try:
        with locked("compile", folder, _COMPILING, folder):
            yield
    except NotLocked as error:
        raise AnsibleActionFail(
            f"{builder} is to compile, or another host for another task of this run, and does not end: {error}"
        ) from error
