#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preload_libraries
short_description: Compile, try out and install the keepalive libraries on a host
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Compiles the libraries from the sources in this collection on the host itself, tries each of them there, and only
    then installs them. The task's action sends the sources along, so a host costs one module execution.
  - Compiles again when the sources, the flags, the compiler or the release of the C library have changed, or when an
    installed file is missing or not as it was installed. A compiler that has been removed since is no reason.
  - Files are replaced by renaming, and only those whose bytes differ, so that processes that have a library mapped go
    on with it and do not count as stale without need.
  - Trying out means that C(true) runs with each library and prints nothing, and that a Python process with the
    libraries, one by one and all together, talks to itself over loopback and reads every option back from its sockets.
  - A run that fails leaves what was installed as it was.
extends_documentation_fragment: [netops.keepalive.attributes, netops.keepalive.compiler]
options:
  state:
    description:
      - With V(absent) what was installed is removed, and the folder if nothing else is in it. Removal is refused while
        C(/etc/ld.so.preload) names one of the files.
    type: str
    choices: [present, absent]
    default: present
  path:
    description:
      - The folder on the host. The folder above it must exist.
      - Root's programs load and run what is installed there. So every folder above it must belong to root and be
        writable by nobody else, not even with a sticky bit as C(/tmp) has it.
      - AppArmor's base rules allow programs to map libraries only from below C(/usr/lib).
    type: path
    default: /usr/lib/libkeepalive
  prebuilt:
    description:
      - A folder on the controller with libraries to install as they are, for hosts without a compiler.
      - Either the libraries lie in it (for instance a copy of O(path) of a host where they were compiled), or in
        folders below it, one for each kind of host. Each host takes those that fit its processor and its C library, and
        of several the ones made for the newest release of it.
      - Where a C(manifest.json) lies beside the libraries, they must have the checksums it says, before they are sent
        and when they have arrived.
      - The libraries for LD_PRELOAD must fit. What else does not fit a host is left out there, see RV(left_out).
      - M(netops.keepalive.prebuilt_libraries) makes such folders.
    type: path
  command_link:
    description:
      - Where a link to the command C(keepalive-sockets) is made, which is installed into O(path) and shows people on
        the host its sockets with their options. Empty for no link.
      - What is there already and is not our link is left alone, with a warning.
    type: str
    default: /usr/local/bin/keepalive-sockets
  multilib:
    description:
      - Where the host has a loader for 32 bit programs too, V(auto) also makes the libraries for these, in the folders
        that C($LIB) stands for, if the compiler can (Debian's C(gcc-multilib)), or takes them from O(prebuilt).
      - Only M(netops.keepalive.ld_so_preload) needs them. RV(multilib) says what was possible.
    type: str
    choices: [auto, never]
    default: auto
    version_added: 0.2.0
  delegated:
    description:
      - The libraries are compiled on another host. Nothing is compiled on this one, whatever compiler it has.
      - Without O(prebuilt) the task says with RV(needs_build) whether they have to be compiled, and writes nothing.
        With O(prebuilt), a folder that M(netops.keepalive.prebuilt_libraries) made of the same sources, they count as
        compiled from these from then on, so that the next run has nothing to do.
      - Another compiler on the other host alone is no reason to replace what is installed.
    type: bool
    default: false
  missing_compiler:
    description:
      - What to do where libraries must be compiled and no working C compiler or C(make) is there. V(report) changes
        nothing and returns RV(needs_compiler=true), so that the next task can install one.
      - The same with O(delegated=true) where they must be compiled and O(prebuilt) is not given.
    type: str
    choices: [fail, report]
    default: fail
  run:
    description: Who changes the host, so that nobody else does meanwhile. Set by the task's action.
    type: dict
  prebuilt_files:
    description:
      - Name of a kind of host to file name to content in Base64. Set by the task's action from O(prebuilt).
    type: dict
  command:
    description:
      - Path of a file below C(module_utils) to its text, for all that C(keepalive-sockets) is made of. Set by the
        task's action from the collection; without it the command is left as it is.
    type: dict
  prebuilt_manifests:
    description:
      - Name of a kind of host to the text of its C(manifest.json). Set by the task's action from O(prebuilt).
    type: dict
  sources_digest:
    description:
      - In place of O(sources), with O(delegated=true). Set by the task's action.
    type: str
attributes:
  check_mode:
    details: Compares what would be compiled with what is installed; compiles nothing.
  diff_mode:
    details: Shows the manifest before and after; in check mode the new checksums are not known yet.
seealso:
  - module: netops.keepalive.prebuilt_libraries
  - module: netops.keepalive.service_dropins
"""

EXAMPLES = r"""
- name: Compile and install the libraries
  netops.keepalive.preload_libraries:

- name: Install libraries that were compiled elsewhere
  netops.keepalive.preload_libraries:
    prebuilt: files/keepalive

- name: Take them away again
  netops.keepalive.preload_libraries:
    state: absent
"""

RETURN = r"""
libraries:
  description: The libraries that are installed for LD_PRELOAD, by file name.
  returned: with O(state=present)
  type: dict
  contains:
    path:
      description: Where it is, for LD_PRELOAD.
      type: str
    sha256:
      description: Its checksum; none in check mode where it is yet to be compiled.
      type: str
    changed:
      description: Whether its bytes are new; in check mode, whether they may become so.
      type: bool
  sample:
    libkeepalive.so:
      path: /usr/lib/libkeepalive/libkeepalive.so
      sha256: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
      changed: true
other_files:
  description:
    - What is installed beside them, by file name, described as in RV(libraries).
    - Nothing of it is ever named in LD_PRELOAD.
  returned: with O(state=present)
  type: dict
  sample: {}
command:
  description:
    - The command that is installed beside the libraries and its link, null where there is none. A command that does not
      run on the host is not installed, with a warning, and is no failure.
  returned: with O(state=present)
  type: dict
  contains:
    path:
      description: The file.
      type: str
    link:
      description: The link, empty for none.
      type: str
  sample: {path: /usr/lib/libkeepalive/keepalive-sockets, link: /usr/local/bin/keepalive-sockets}
multilib:
  description:
    - The folders below O(path) that C($LIB) stands for on this host, and for each V(links), V(made), or why there are
      no libraries for its programs. Empty where all programs of the host are of one kind.
  returned: with O(state=present)
  type: dict
  sample: {lib/x86_64-linux-gnu: links, lib32: made}
reason:
  description: Why the libraries were, or must be, compiled or repaired; empty where nothing was to be done.
  returned: with O(state=present)
  type: str
  sample: compiler changed from 'cc (Debian 10.2.1-6) 10.2.1 20210110' to 'cc (Debian 12.2.0-14) 12.2.0'
needs_compiler:
  description: Whether the libraries must be compiled and this host cannot do it.
  returned: with O(state=present)
  type: bool
needs_build:
  description: Whether the libraries must be compiled on another host, with O(delegated=true).
  returned: with O(state=present)
  type: bool
left_out:
  description: What of the prebuilt files is not installed because it does not fit the host, with the reason.
  returned: with O(state=present)
  type: list
  elements: str
  sample: [libkeepalive_inspect.so needs glibc 2.34]
machine:
  description: The host's processor and word size.
  returned: with O(state=present)
  type: str
  sample: x86_64 64 bit
compiler:
  description: First line of the compiler's C(--version); empty for prebuilt libraries.
  returned: with O(state=present)
  type: str
  sample: cc (Debian 12.2.0-14) 12.2.0
libc:
  description: The host's C library and its release.
  returned: with O(state=present)
  type: str
  sample: glibc 2.36
removed:
  description: The files that were removed, or would be in check mode.
  returned: with O(state=absent)
  type: list
  elements: str
  sample: [/usr/lib/libkeepalive/libkeepalive.so]
mapped_by:
  description: Processes that have removed libraries mapped, and keep them until they end.
  returned: with O(state=absent)
  type: list
  elements: int
  sample: [812]
"""

import errno
import os
import re
import signal
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.command import archive, file
from ..module_utils.libraries import build, install, manifest, multilib
from ..module_utils.libraries import made as libraries_made
from ..module_utils.libraries import prebuilt as libraries_prebuilt
from ..module_utils.libraries.selftest import Refused, try_files
from ..module_utils.libraries.table import FILES, is_preload
from ..module_utils.linux import scratch, trusted
from ..module_utils.linux.command import TimedOut, find_program
from ..module_utils.linux.file_lock import NotLocked, locked
from ..module_utils.linux.module import Module
from ..module_utils.linux.printable import quoted
from ..module_utils.rollout import lock as rollout_lock
from ..module_utils.settings.options import LIBRARY_DIR

_ADVICE = "install gcc, make and the C library's headers (the role does, see keepalive_build_packages), or use prebuilt"
_UNKNOWN = "known after the build"
_HINTS = {
    errno.EACCES: "run as root (become: true)",
    errno.EPERM: "run as root (become: true)",
    errno.EROFS: "the file system is read-only; choose another path",
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.ENOENT: "the folder above path must exist",
}


def main() -> None:
    module = Module(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "path": {"type": "path", "default": LIBRARY_DIR},
            "cc": {"type": "str", "default": "cc"},
            "cflags": {"type": "str"},
            "ldflags": {"type": "str"},
            "prebuilt": {"type": "path"},
            "multilib": {"type": "str", "choices": ["auto", "never"], "default": "auto"},
            "delegated": {"type": "bool", "default": False},
            "missing_compiler": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
            # no_log keeps the contents out of the host's journal and out of the result, where they would fill pages
            "sources": {"type": "dict", "no_log": True},
            "prebuilt_files": {"type": "dict", "no_log": True},
            "command": {"type": "dict", "no_log": True},
            "command_link": {"type": "str", "default": file.LINK},
            "run": {"type": "dict"},
            "prebuilt_manifests": {"type": "dict"},
            "sources_digest": {"type": "str"},
        },
        supports_check_mode=True,
    )
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)  # by way of every "finally", so that no temporary folder stays
    folder = module.params["path"].rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9_+.-]+)+", folder) or os.path.normpath(folder) != folder:
        module.fail_json(
            msg=f"path: {module.params['path']!r} must be absolute, without '..' and made of letters, digits and"
            " '_+.-', because LD_PRELOAD is split at blanks and colons; for example /usr/lib/libkeepalive"
        )
    above = os.path.dirname(folder)
    wrong = trusted.fault(above) if os.path.isdir(above) else ""
    if wrong:
        module.fail_json(
            msg=f"path: {folder}: {wrong}, because root's programs load and run what is installed there; nothing was"
            " changed. Choose another path, for example /usr/lib/libkeepalive, or put that right"
        )
    before = manifest.observed_text(folder)
    place = file.Place(folder, module.params["command_link"])
    command_before = file.observed_text(place)
    lock = rollout_lock.Lock(module.params["run"], False)
    try:
        if module.check_mode:
            result = _go(module, folder)
        else:
            os.stat(os.path.dirname(folder))  # before anything is compiled
            with locked("install", folder):
                lock.take()
                result = _go(module, folder)
    except NotLocked as held:
        module.fail_json(msg=f"no library was changed: {held}", lock_holder=held.holder)
    except (build.BuildError, Refused, install.InUse, TimedOut, OSError) as error:
        module.fail_json(msg=f"{_in_words(error)}; {_aftermath(before, folder)}".split("\n"))
    finally:
        lock.leave()
    if lock.note:
        module.warn(lock.note)
    after = result.pop("after", None)
    if after is None:
        after = manifest.observed_text(folder)
    command_after = result.pop("command_after", None)
    if command_after is None:
        command_after = file.observed_text(place)
    title = os.path.join(folder, manifest.NAME)
    header = f"{title} (because: {result['reason']})" if result.get("reason") else title
    diff = {
        "before": before + command_before,
        "after": after + command_after,
        "before_header": title,
        "after_header": header,
    }
    module.exit_json(diff=diff, **result)


def _leave(number: int, _frame: t.Any) -> None:
    raise SystemExit(128 + number)


def _in_words(error: Exception) -> str:
    if isinstance(error, build.NoCompiler):
        return f"{error}; {_ADVICE}"
    if isinstance(error, Refused):
        return f"refused to install: {error}"
    if isinstance(error, OSError) and error.errno:
        place = f" ({error.filename})" if error.filename else ""
        return "; ".join(filter(None, [f"{error.strerror}{place}", _HINTS.get(error.errno)]))
    return str(error)


def _aftermath(before: str, folder: str) -> str:
    try:
        untouched = manifest.observed_text(folder) == before
    except OSError:
        return f"{folder} cannot be read"
    return "nothing was changed" if untouched else f"files in {folder} were replaced already: run again"


def _go(module: AnsibleModule, folder: str) -> t.Dict[str, t.Any]:
    place = file.Place(folder, module.params["command_link"])
    if module.params["state"] == "absent":
        return _absent(module, folder, place)
    result = _present(module, folder)
    waiting = result["needs_compiler"] or (result["needs_build"] and not result["changed"])
    return result if waiting else _with_command(module, place, result)


def _absent(module: AnsibleModule, folder: str, place: file.Place) -> t.Dict[str, t.Any]:
    damage = manifest.damage(folder)
    if damage:
        module.fail_json(
            msg=f"{damage}. Which files are ours stands there alone, so nothing was removed: install the libraries anew"
            f" (state: present) and remove them then, or remove {folder} yourself"
        )
    command = file.installed(place)
    if not command and not install.anything_installed(folder):
        return {"changed": False, "removed": [], "mapped_by": []}
    names = install.installed_names(folder)
    install.refuse_if_preloaded(folder, names)
    mapped_by = install.processes_mapping(folder, names)
    if not module.check_mode:
        file.take(place)
        if os.path.isdir(folder) and (install.anything_installed(folder) or not os.listdir(folder)):
            install.remove(folder)
    removed = [*(os.path.join(folder, name) for name in names), *command]
    return {"changed": True, "removed": removed, "mapped_by": mapped_by, "after": "", "command_after": ""}


def _with_command(module: AnsibleModule, place: file.Place, result: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    """Install the command as well. It is a help for people: where it cannot be had, the libraries are what counts."""
    modules = module.params["command"]
    if not modules:
        return {**result, "command": None}
    content = archive.assemble(modules)
    reasons = file.due(place, content)
    if place.obstacle:
        module.warn(f"{archive.NAME} has no link: {place.obstacle}")
    link = "" if place.obstacle else place.link
    if reasons and not module.check_mode:
        try:
            file.put(place, content, _labeller(module))
        except (file.Unusable, TimedOut) as error:
            module.warn(f"{archive.NAME} was not installed: {error}")
            return {**result, "command": None}
    return {
        **result,
        "command": {"path": place.path, "link": link},
        "changed": result["changed"] or bool(reasons),
        "reason": "; ".join(filter(None, [result["reason"], *reasons])),
        "command_after": file.wanted_text(place, content, bool(link)) if module.check_mode else None,
    }


def _present(module: AnsibleModule, folder: str) -> t.Dict[str, t.Any]:
    host = build.describe_host()
    layout = multilib.find_layout() if module.params["multilib"] == "auto" else None
    variants = _prebuilt_files(module)
    chosen = libraries_prebuilt.choose(variants, host) if variants else None
    made = libraries_made.made_of(module.params, host, chosen, variants)
    doubt = install.doubt(folder)
    damage = "" if doubt else manifest.damage(folder)
    if damage:
        module.warn(f"{damage}. The libraries count as not installed; what it named besides them stays in {folder}")
    installed = None if doubt else manifest.read(folder)
    if chosen:
        own, others = libraries_made.for_this_host(chosen.files, layout)
        chosen = chosen._replace(files=own)
    elif module.params["delegated"]:
        others = libraries_made.for_this_host(dict.fromkeys(installed.files if installed else (), b""), layout)[1]
    else:
        others = libraries_made.other_kinds(layout, made, module.params["cc"])
    result = {
        "libc": host.libc,
        "machine": host.machine,
        "compiler": made.get("compiler") or "",
        "needs_compiler": False,
        "needs_build": False,
        "left_out": chosen.left_out if chosen else [],
        "multilib": others,
    }

    reasons = [f"others could change what is installed: {doubt}"] if doubt else manifest.changes_since(installed, made)
    if installed is not None:
        reasons += manifest.damages(installed, folder)
        if not reasons:
            names = [*installed.files, manifest.NAME]
            reasons = install.repair(folder, names, _labeller(module), pretend=module.check_mode)
            result["compiler"] = result["compiler"] or installed.made.get("compiler", "")
            after = installed.text() if module.check_mode else None
            return _report(result, folder, installed.files, [], reasons, bool(reasons), after)

    if module.params["delegated"] and not chosen:
        result["needs_build"] = True
        if module.params["missing_compiler"] == "report":
            return _report(result, folder, installed.files if installed else {}, [], reasons, False, None)
        if not module.check_mode:
            raise build.BuildError("delegated: the libraries must be compiled on another host, and prebuilt has none")
    if module.check_mode:
        return _foretell(module, folder, made, installed, reasons, result, chosen.files if chosen else None)
    try:
        if chosen:
            contents = chosen.files
        else:
            params = module.params
            with scratch.scratch() as temporary:  # Ansible's own would make a folder in root's home
                contents = build.build(
                    params["sources"], temporary, folder, params["cc"], params["cflags"], params["ldflags"]
                )
            if layout and "made" in others.values():
                possible = {lib: loader for lib, loader in layout.others.items() if others[lib] == "made"}
                contents.update(
                    multilib.build(
                        layout._replace(others=possible),
                        params["sources"],
                        folder,
                        params["cc"],
                        params["cflags"],
                        params["ldflags"],
                    )
                )
    except build.NoCompiler as error:
        if module.params["missing_compiler"] == "fail":
            raise
        reasons.append(quoted(str(error), lines=20))
        result["needs_compiler"] = True
        return _report(result, folder, installed.files if installed else {}, [], reasons, False, None)
    known = {key: value for key, value in made.items() if value is not None}
    changed = install.install(folder, contents, known, try_files, _labeller(module))
    files = {name: manifest.sha256(content) for name, content in contents.items()}
    return _report(result, folder, files, changed, reasons, True, None)


def _foretell(
    module: AnsibleModule,
    folder: str,
    made: t.Mapping[str, t.Optional[str]],
    installed: t.Optional[manifest.Manifest],
    reasons: t.List[str],
    result: t.Dict[str, t.Any],
    prebuilt: t.Optional[t.Mapping[str, bytes]],
) -> t.Dict[str, t.Any]:
    """Say what a real run would do, as far as that can be known without compiling."""
    old = installed.files if installed else {}
    if prebuilt is not None:
        files: t.Dict[str, t.Optional[str]] = {name: manifest.sha256(prebuilt[name]) for name in prebuilt}
        replaced = [name for name in files if manifest.look(os.path.join(folder, name)).sha256 != files[name]]
    else:
        words = module.params["cc"].split()
        missing = [name for name in (words[0] if words else "cc", "make") if not find_program(name)]
        result["needs_compiler"] = bool(missing) and not module.params["delegated"]
        if result["needs_compiler"] and module.params["missing_compiler"] == "report":
            return _report(result, folder, old, [], reasons, False, None)
        files = dict.fromkeys(sorted({*FILES, *old}))
        replaced = list(files)
    known = {key: value or _UNKNOWN for key, value in made.items()}
    after = manifest.Manifest(known, {name: files[name] or _UNKNOWN for name in files}).text()
    return _report(result, folder, files, replaced, reasons, True, after)


def _report(
    result: t.Dict[str, t.Any],
    folder: str,
    files: t.Mapping[str, t.Optional[str]],
    replaced: t.Sequence[str],
    reasons: t.Sequence[str],
    changed: bool,
    after: t.Optional[str],
) -> t.Dict[str, t.Any]:
    described = {
        name: {"path": os.path.join(folder, name), "sha256": files[name], "changed": name in replaced}
        for name in sorted(files)
    }
    return {
        **result,
        "changed": changed,
        "libraries": {name: row for name, row in described.items() if is_preload(name)},
        "other_files": {name: row for name, row in described.items() if not is_preload(name)},
        "reason": "; ".join(reasons),
        "after": after,
    }


def _prebuilt_files(module: AnsibleModule) -> t.Dict[str, t.Dict[str, bytes]]:
    given = module.params["prebuilt_files"]
    if given is None:
        if module.params["prebuilt"] is not None:
            module.fail_json(msg="prebuilt: a folder on the controller, which only the task's action can send")
        return {}
    try:
        return libraries_prebuilt.unpack(given, module.params["prebuilt_manifests"])
    except ValueError as error:
        raise build.BuildError(f"prebuilt_files: {error}") from error


def _labeller(module: AnsibleModule) -> t.Callable[[str, str], bool]:
    """SELinux: what is at a path gets the context that the policy has for the path where it will stand."""

    def label(path: str, place: str) -> bool:
        if not module.selinux_enabled():
            return False
        return bool(module.set_context_if_different(path, module.selinux_default_context(place), False))

    return label


if __name__ == "__main__":
    main()
