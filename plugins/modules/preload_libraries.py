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
    What fails or prints something is run without the library as well, and only what that does not do counts.
  - What is compiled lies in a private folder in E(TMPDIR), C(/tmp), Ansible's C(remote_tmp), C(/var/tmp), C(/run),
    C(/var/lib) or the folder above O(path), the first of these which nobody else can change, that is not mounted
    C(noexec) and has 8 MiB left.
  - A run that fails leaves what was installed as it was.
  - A host whose C library is musl and that systemd does not run, such as Alpine Linux, is refused before anything is
    written; there neither a unit nor C(/etc/ld.so.preload), which musl does not read, could give the libraries to a
    service. A host of glibc without systemd gets them.
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
      - It must not be mounted C(noexec), for no program could load a library from there.
      - AppArmor's base rules allow programs to map libraries only from below C(/usr/lib).
    type: path
    default: /usr/lib/libkeepalive
  prebuilt:
    description:
      - A folder on the controller with libraries to install as they are, for hosts without a compiler.
      - Either the libraries lie in it (for instance a copy of O(path) of a host where they were compiled), or in
        folders below it, one for each kind of host. Each host takes those that fit its processor and its C library, and
        of several the ones made for the newest release of it.
      - Beside the libraries lies a C(manifest.json) that says their checksums. They must have these before they are
        sent and when they have arrived. A folder without one, with a file that it does not name, or with a symbolic
        link in place of a file is refused.
      - The libraries for LD_PRELOAD must fit. What else does not fit a host is left out there, see RV(left_out).
      - M(netops.keepalive.prebuilt_libraries) makes such folders.
    type: path
  signers:
    description:
      - A file on the controller that says who may sign what is brought, in the form of C(ALLOWED SIGNERS) in
        ssh-keygen(1). Then each C(manifest.json) of O(prebuilt) must have a signature C(manifest.json.sig) of one of
        them, made with C(ssh-keygen -Y sign -n netops.keepalive), and all of them are checked before anything is sent.
      - It must not lie in the folder O(prebuilt) itself. The controller needs OpenSSH's C(ssh-keygen).
    type: path
    version_added: 0.2.0
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
  delegate:
    description:
      - The name of the host that compiles, as O(delegated=true) where it is given. The task's action refuses a group, a
        name that is not in the inventory, and O(prebuilt) beside it.
    type: str
    version_added: 0.2.0
  packages:
    description:
      - The packages that bring a compiler. Without it those of the distribution, where they are known (Debian, Red Hat,
        SUSE and what is like them); they are returned as RV(packages).
    type: list
    elements: str
    version_added: 0.2.0
  compiled:
    description:
      - What M(netops.keepalive.prebuilt_libraries) returned where it has compiled in this run; its folder is
        O(prebuilt) where that is not given.
    type: dict
    version_added: 0.2.0
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
  look:
    description:
      - What looks at a host in each run. It is kept compiled in O(path), beside the command, because a host takes
        longer to compile it than to look. Set by the task's action.
    type: str
    version_added: 0.2.0
  by_python:
    description:
      - Nothing is compiled, and no library is installed, but C(keepalive-bpf) as a Python program. For hosts on which
        nothing can be compiled and all entries have C(backend=bpf); it needs C(/usr/bin/python3).
    type: bool
    default: false
    version_added: 0.2.0
  helper:
    description:
      - Path of a file below C(module_utils) to its text, for all that this program is made of. Set by the task's action
        from the collection, with O(by_python=true).
    type: dict
    version_added: 0.2.0
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
  - module: netops.keepalive.rollout
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
packages:
  description: The packages to install.
  returned: with RV(needs_compiler=true) and O(missing_compiler=report)
  type: list
  elements: str
  sample: [gcc, libc6-dev, make]
no_packages:
  description: Why no package would bring the compiler; empty where they do.
  returned: with RV(needs_compiler=true) and O(missing_compiler=report)
  type: str
  sample: ""
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
import typing as t

from ..module_utils.command import archive
from ..module_utils.libraries import build, install
from ..module_utils.libraries.carry_out import carry_out, foretell, look_at_host
from ..module_utils.libraries.command_file import (
    LINK,
    NAME,
    DoesNotRun,
    Target,
    keep_compiled,
    observed_command,
    put_command,
    reasons_to_put,
    wanted_command,
)
from ..module_utils.libraries.manifest import MANIFEST, observed_manifest
from ..module_utils.libraries.packages import distribution, packages_for, packages_unknown
from ..module_utils.libraries.plan import Asked, Result, plan_libraries
from ..module_utils.libraries.prebuilt import Variants, unpack
from ..module_utils.libraries.removal import NotRemovable, take_libraries_away
from ..module_utils.libraries.selftest import Refused
from ..module_utils.linux import systemd, trusted
from ..module_utils.linux.command import TimedOut
from ..module_utils.linux.file_lock import NotLocked, locked
from ..module_utils.linux.module import Module
from ..module_utils.linux.preload_file import LD_SO_PRELOAD
from ..module_utils.rollout import lock as rollout_lock
from ..module_utils.settings.options import LIBRARY_DIR
from ..module_utils.settings.variables import problem_with_compiler

_ADVICE = "install gcc, make and the C library's headers (the role does, see keepalive_build_packages), or use prebuilt"
_HINTS = {
    errno.EACCES: "run as root (become: true)",
    errno.EPERM: "run as root (become: true)",
    errno.EROFS: "the file system is read-only; choose another path",
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "raise the quota there, or free some space",
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
            "signers": {"type": "path"},
            "multilib": {"type": "str", "choices": ["auto", "never"], "default": "auto"},
            "delegated": {"type": "bool", "default": False},
            "delegate": {"type": "str"},
            "packages": {"type": "list", "elements": "str"},
            "compiled": {"type": "dict"},
            "missing_compiler": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
            # no_log keeps the contents out of the host's journal and out of the result, where they would fill pages
            "sources": {"type": "dict", "no_log": True},
            "prebuilt_files": {"type": "dict", "no_log": True},
            "command": {"type": "dict", "no_log": True},
            "look": {"type": "str", "no_log": True},
            "command_link": {"type": "str", "default": LINK},
            "by_python": {"type": "bool", "default": False},
            "helper": {"type": "dict", "no_log": True},
            "run": {"type": "dict"},
            "prebuilt_manifests": {"type": "dict"},
            "sources_digest": {"type": "str"},
        },
        supports_check_mode=True,
    )
    module.end_in_order()
    folder = module.params["path"].rstrip("/")
    _refuse_wrong_path(module, folder)
    _refuse_where_nothing_gives_them(module)
    before = observed_manifest(folder)
    target = Target(folder, module.params["command_link"])
    command_before = observed_command(target)
    lock = rollout_lock.Lock(module.params["run"])
    try:
        if module.check_mode:
            result = _go(module, target)
        else:
            os.stat(os.path.dirname(folder))  # before anything is compiled
            with locked("install", folder):
                lock.take()
                result = _go(module, target)
    except NotLocked as held:
        module.fail_json(msg=f"no library was changed: {held}", lock_holder=held.holder)
    except (build.BuildError, Refused, install.InUse, TimedOut, OSError) as error:
        module.fail_json(msg=f"{_in_words(error)}; {_aftermath(before, folder)}".split("\n"))
    finally:
        lock.leave()
    after, command_after = result.pop("after", None), result.pop("command_after", None)
    title = os.path.join(folder, MANIFEST)
    diff = {
        "before": before + command_before,
        "after": (observed_manifest(folder) if after is None else after)
        + (observed_command(target) if command_after is None else command_after),
        "before_header": title,
        "after_header": f"{title} (because: {result['reason']})" if result.get("reason") else title,
    }
    module.exit_json(diff=diff, **result)


def _refuse_wrong_path(module: Module, folder: str) -> None:
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
    unloadable = install.unloadable(folder) if module.params["state"] == "present" else ""
    if unloadable:
        module.fail_json(msg=f"path: {unloadable}, or choose another path; nothing was changed")


def _refuse_where_nothing_gives_them(module: Module) -> None:
    """Refuse a host that has neither systemd, whose units get the libraries, nor a loader that reads ld.so.preload.

    One of glibc is none such: without systemd there are that file, programs started by hand, and images that are made
    for hosts with it.
    """
    if module.params["state"] != "present" or not build.describe_platform().libc.startswith("musl"):
        return
    absent = systemd.absent()
    if absent:
        module.fail_json(
            msg=f"{absent}, and musl, the C library of this host, does not read {LD_SO_PRELOAD}; nothing was changed"
        )


def _in_words(error: Exception) -> str:
    if isinstance(error, build.NoCompiler):
        return f"{error}; {_ADVICE}"
    if isinstance(error, Refused):
        return f"refused to install: {error}"
    if isinstance(error, OSError) and error.errno:
        place = f" ({error.filename})" if error.filename else ""
        hint = _HINTS.get(error.errno)
        if error.errno in (errno.EACCES, errno.EPERM) and os.geteuid() == 0:
            hint = "root may not do that either; see 'lsattr -d' of it and of the folder above, and what the host logs"
        return "; ".join(filter(None, [f"{error.strerror}{place}", hint]))
    return str(error)


def _aftermath(before: str, folder: str) -> str:
    try:
        untouched = observed_manifest(folder) == before
    except OSError:
        return f"{folder} cannot be read"
    return "nothing was changed" if untouched else f"files in {folder} were replaced already: run again"


def _go(module: Module, target: Target) -> Result:
    if module.params["state"] == "absent":
        return _absent(module, target)
    asked = _asked(module, target.folder)
    plan = plan_libraries(asked, look_at_host(asked, module.params["multilib"] == "auto"))
    for warning in plan.warnings:
        module.warn(warning)
    result = foretell(plan, module.label) if module.check_mode else carry_out(plan, asked, module.label)
    if result["needs_compiler"] and module.params["missing_compiler"] == "report":
        result = {**result, **_packages(module, result["reason"])}
    waiting = result["needs_compiler"] or (result["needs_build"] and not result["changed"])
    return result if waiting else _with_command(module, target, result)


def _packages(module: Module, reason: str) -> Result:
    """Return the packages that are to be installed, or why there are none."""
    given: t.Optional[t.List[str]] = module.params["packages"]
    families = distribution()
    packages = packages_for(families) if given is None else given
    if not packages:
        return {"packages": [], "no_packages": packages_unknown(families, "this host", reason)}
    return {"packages": packages, "no_packages": problem_with_compiler(module.params["cc"], given is not None)}


def _asked(module: Module, folder: str) -> Asked:
    params = module.params
    return Asked(
        folder,
        params["cc"],
        params["cflags"],
        params["ldflags"],
        params["sources"] or {},
        params["sources_digest"] or "",
        _sent(module),
        params["prebuilt_manifests"] or {},
        params["delegated"],
        params["missing_compiler"] == "report",
        archive.assemble(params["helper"], archive.INTERPRETERS[0], archive.ATTACHING) if params["helper"] else b"",
    )


def _sent(module: Module) -> Variants:
    given = module.params["prebuilt_files"]
    if given is None:
        if module.params["prebuilt"] is not None:
            module.fail_json(msg="prebuilt: a folder on the controller, which only the task's action can send")
        return {}
    try:
        return unpack(given, module.params["prebuilt_manifests"] or {})
    except ValueError as error:
        raise build.BuildError(f"prebuilt_files: {error}") from error


def _absent(module: Module, target: Target) -> Result:
    try:
        gone = take_libraries_away(target, module.check_mode)
    except NotRemovable as error:
        module.fail_json(msg=str(error))
    result = {"changed": bool(gone.removed), "removed": list(gone.removed), "mapped_by": list(gone.mapped_by)}
    return {**result, "after": "", "command_after": ""} if gone.removed else result


def _with_command(module: Module, target: Target, result: Result) -> Result:
    """Install the command as well. It is a help for people: where it cannot be had, the libraries are what counts."""
    modules = module.params["command"]
    if not modules:
        return {**result, "command": None}
    content = archive.assemble(modules)
    reasons = reasons_to_put(target, content)
    if target.obstacle:
        module.warn(f"{NAME} has no link: {target.obstacle}")
    link = "" if target.obstacle else target.link
    if reasons and not module.check_mode:
        try:
            put_command(target, content, module.label)
        except (DoesNotRun, TimedOut) as error:
            module.warn(f"{NAME} was not installed: {error}")
            return {**result, "command": None}
    if module.params["look"] and not module.check_mode:
        keep_compiled(target, module.params["look"], module.label)
    return {
        **result,
        "command": {"path": target.path, "link": link},
        "changed": result["changed"] or bool(reasons),
        "reason": "; ".join(filter(None, [result["reason"], *reasons])),
        "command_after": wanted_command(target, content, bool(link)) if module.check_mode else None,
    }


if __name__ == "__main__":
    main()
