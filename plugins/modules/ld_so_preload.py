#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ld_so_preload
short_description: Name the keepalive libraries in /etc/ld.so.preload, in a way that cannot lock you out
version_added: 0.2.0
author: The netops.keepalive authors (@netops)
description:
  - Adds the libraries to C(/etc/ld.so.preload), from where the loader puts them into B(every) dynamic program of the
    host that starts from then on, or takes them out again. Everything else in the file stays as it is, byte for byte.
  - A wrong library in that file ends every program that is started, logins and Ansible's own Python too. So nothing is
    written before the libraries have been tried, and what is written is taken back by itself unless a second connection
    of Ansible shows that the host is well.
  - The preflight reads the files (kind, release of glibc, dependencies, whether they were cut off, who may write them)
    and runs the host's own programs with them, first with E(LD_PRELOAD), then with the very file in a mount namespace
    that only the tried program sees. Any difference in exit status or standard error refuses the change.
  - Then C(keepalive-watchdog), a program that needs no loader, mounts the new file over the old one and waits. The task
    cuts its connection and makes a new one. If that works, programs start and print nothing, the watchdog gives the new
    file the name for good. If not, or if nobody comes back within O(watchdog) seconds, it unmounts it, and the task
    fails with what was seen. As long as the file is only mounted, a power cut brings the old one back.
  - Where mounting is not possible (some containers) the file is renamed into its place at once and the watchdog keeps
    the old one. A power cut within these seconds then leaves the new file in force.
  - Removing entries needs none of this, because it takes something away from programs that start.
extends_documentation_fragment: [netops.keepalive.attributes, netops.keepalive.rollout]
options:
  state:
    description:
      - With V(absent) every entry below O(library_dir) is taken out. A file that is empty then is removed.
      - The libraries themselves stay. Take them away later, when RV(mapped_by) is empty.
    type: str
    choices: [present, absent]
    default: present
  libraries:
    description:
      - The entries as they are to stand in the file; all must be below O(library_dir). C($LIB) stands for another
        folder for each kind of program (64 and 32 bit).
      - By default the libraries of O(use), with C($LIB) where this host runs 32 bit programs too.
    type: list
    elements: str
  use:
    description: Which of the three libraries, in place of O(libraries).
    type: list
    elements: str
    choices: [connect, listen, socket]
    default: [connect, listen, socket]
  library_dir:
    description: The folder of the libraries. Entries below it are ours, all others are not touched.
    type: path
    default: /usr/lib/libkeepalive
  path:
    description: The file.
    type: path
    default: /etc/ld.so.preload
  backup:
    description: Keep a copy of the file that is changed, beside it.
    type: bool
    default: false
  preflight:
    description:
      - Whether the libraries are tried before anything is written. Without it a wrong library takes the host down for
        O(watchdog) seconds. One that others than root could change is refused in any case.
    type: bool
    default: true
  programs:
    description:
      - The commands that are tried, each a string or a list of words. Each must end by itself and change nothing.
      - They are run as root, in check mode too. So the program, every folder above it, and the interpreter of a script
        must belong to root and be writable by nobody else; the module refuses any other. What it loads or reads is
        yours to judge.
      - By default, as far as they are there, C(true), C(sh), C(bash), C(python3), C(sudo), C(sshd -t), C(ssh),
        C(systemctl), systemd itself, the package manager, a program for each loader, and setuid programs as nobody.
    type: list
    elements: raw
  extra_programs:
    description: Commands that are tried besides.
    type: list
    elements: raw
    default: []
  units:
    description:
      - Units whose own program is tried too, where an argument is known with which it does nothing (C(nginx -v),
        C(postgres --version), …). RV(notes) names the others.
      - Such a program is never run as root, but as the unit's user with no rights of its own, or as nobody where the
        unit's user is root or made up by systemd. A program that another user than root could change is not run.
      - In check mode none of them is run.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds that each program has in the preflight.
    type: int
    default: 20
  watchdog:
    description:
      - Seconds until the old file comes back by itself. They must suffice for a new connection and a module's start.
      - V(0) writes the file without any way back.
    type: int
    default: 60
  phase:
    description: Set by the task's action, which runs the module twice over two connections.
    type: str
    choices: [write, confirm, abort, look]
    default: write
  token:
    description: Set by the task's action.
    type: str
attributes:
  check_mode:
    details: The preflight runs without the programs of O(units); nothing is written, no watchdog is started.
notes:
  - musl's loader does not read this file; on such hosts the module refuses.
seealso:
  - module: netops.keepalive.preload_libraries
"""

EXAMPLES = r"""
- name: Put the libraries into every program that starts from now on
  netops.keepalive.ld_so_preload:
    units: [nginx.service, postgresql@15-main.service]
    extra_programs: [/opt/billing/bin/billing --version]

- name: Take them out again
  netops.keepalive.ld_so_preload:
    state: absent
  register: keepalive_out

- name: Remove the files, once nobody uses them
  netops.keepalive.preload_libraries:
    state: absent
  when: keepalive_out.mapped_by | length == 0
"""

RETURN = r"""
path:
  description: The file.
  returned: always
  type: str
  sample: /etc/ld.so.preload
entries:
  description: The entries of ours that stand in the file now, or would in check mode.
  returned: success
  type: list
  elements: str
  sample: [/usr/lib/libkeepalive/libkeepalive.so]
removed:
  description: The entries of ours that were taken out.
  returned: success
  type: list
  elements: str
backup_file:
  description: The copy of the file as it was.
  returned: with O(backup=true), where there was a file that changed
  type: str
  sample: /etc/ld.so.preload.4711.2026-11-25@09:00:00~
tried:
  description: The command lines that were run with the libraries.
  returned: where the preflight ran
  type: list
  elements: str
  sample: [/usr/bin/true, /usr/sbin/sshd -t]
notes:
  description: What an operator should know, for instance of fapolicyd, AppArmor and SELinux on this host.
  returned: always
  type: list
  elements: str
problems:
  description: Why the libraries were refused.
  returned: on refusal
  type: list
  elements: dict
  contains:
    program:
      description: The command that showed it; empty where the file itself did.
      type: str
    library:
      description: The file; empty where it is not one library's fault.
      type: str
    reason:
      description: What was seen.
      type: str
trial:
  description:
    - How the new file was in force until the second connection confirmed it, V(mount) or V(rename).
    - V(none) where no watchdog was needed or wanted.
  returned: success
  type: str
  sample: mount
watchdog:
  description: Whether the watchdog is linked V(static) or V(dynamic) (and was then loaded before); empty without one.
  returned: success
  type: str
  sample: static
lock_held:
  description: Whether this run keeps the lock of the host, see O(rollout).
  returned: success
  type: bool
healed:
  description: Whether the file is as it was before the task.
  returned: on failure after the new file was put in force
  type: bool
seen:
  description: What the second connection saw.
  returned: on failure after the new file was put in force
  type: str
mapped_by:
  description:
    - The processes that have a library from O(library_dir) mapped, and keep it until they end, but for those of
      Ansible's own connection.
  returned: with O(state=absent)
  type: list
  elements: dict
  contains:
    pid:
      description: Process ID.
      type: int
    unit:
      description: Its systemd unit; empty where it has none.
      type: str
    program:
      description: The program it runs.
      type: str
"""

import contextlib
import os
import secrets
import stat
import typing as t

from ..module_utils.ld_so_preload import check, security, trial, watchdog
from ..module_utils.ld_so_preload.file import is_below, own_entries, with_entries, without_entries
from ..module_utils.ld_so_preload.programs import default_commands, given_commands, nobody_commands, unit_commands
from ..module_utils.libraries import loaders as libraries_loaders
from ..module_utils.libraries import table
from ..module_utils.linux import in_force, systemd
from ..module_utils.linux.command import TimedOut, find_program
from ..module_utils.linux.elf import read_elf
from ..module_utils.linux.file_lock import NotLocked, locked
from ..module_utils.linux.files import replace_file, sync_folder
from ..module_utils.linux.module import Module
from ..module_utils.linux.preload_file import LD_SO_PRELOAD
from ..module_utils.linux.trusted import fault
from ..module_utils.processes import users
from ..module_utils.rollout import lock as rollout_lock
from ..module_utils.settings.options import LIBRARIES, LIBRARY_DIR

Result = t.Dict[str, t.Any]


def main() -> None:
    module = Module(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "libraries": {"type": "list", "elements": "str"},
            "use": {"type": "list", "elements": "str", "choices": list(LIBRARIES), "default": list(LIBRARIES)},
            "library_dir": {"type": "path", "default": LIBRARY_DIR},
            "path": {"type": "path", "default": LD_SO_PRELOAD},
            "backup": {"type": "bool", "default": False},
            "preflight": {"type": "bool", "default": True},
            "programs": {"type": "list", "elements": "raw"},
            "extra_programs": {"type": "list", "elements": "raw", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 20},
            "watchdog": {"type": "int", "default": 60},
            "phase": {"type": "str", "choices": ["write", "confirm", "abort", "look"], "default": "write"},
            "token": {"type": "str", "no_log": False},
            **rollout_lock.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    module.check_units("units")
    module.end_in_order()
    place = watchdog.guarded(module.params["path"])
    token = module.params["token"]
    lock = rollout_lock.Lock(module.params["run"], module.params["rollout"])
    try:
        phase = module.params["phase"]
        if phase == "look":
            module.exit_json(changed=False, **watchdog.trial_state(place, token))
        if phase == "abort":
            module.exit_json(changed=False, armed=False, result=watchdog.end(place, token, "abort"))
        if phase == "confirm":
            _confirm(module, place, token)
        with locked("preload-file", place.path):
            result = _write(module, place, lock)
        if lock.note:
            module.warn(lock.note)
        module.exit_json(**result, lock_held=lock.held)
    except rollout_lock.Held as held:
        module.fail_json(msg=f"{place.path} was not changed: {held}", path=place.path, lock_holder=held.holder)
    except (NotLocked, watchdog.WatchdogError, TimedOut) as error:
        module.fail_json(msg=str(error), path=place.path)
    except OSError as error:
        module.fail_json(msg=_in_words(error, place.path), path=place.path)
    finally:
        lock.leave()


def _in_words(error: OSError, path: str) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return f"{path}: {error.strerror}{where}; nothing was changed"


def _read(module: Module, path: str) -> t.Optional[bytes]:
    """Return the file's content, None where there is none; what is no plain file is refused."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        module.fail_json(
            msg=f"{path} is a symbolic link to {os.readlink(path)}, so somebody else manages it; give that file as"
            " path, or put a plain file in the link's place"
        )
    if not stat.S_ISREG(status.st_mode):
        module.fail_json(msg=f"{path} is not a regular file")
    with open(path, "rb") as file:
        return file.read()


def _refuse_mounted(module: Module, path: str) -> None:
    source = watchdog.mounted_from(path)
    if source is not None:
        module.fail_json(
            msg=f"{path} is a mount of its own (of {source}), as container engines make them: it cannot be replaced"
            " from here; change the file that is mounted, where it is mounted from"
        )


def _write(module: Module, place: watchdog.GuardedFile, lock: rollout_lock.Lock) -> Result:
    if module.check_mode and watchdog.running(place):
        raise watchdog.Busy(f"another run is trying a new {place.path} at this moment; run again in a minute")
    wrong = fault(os.path.dirname(place.path))
    if wrong:
        module.fail_json(msg=f"path: {place.path}: {wrong}; nothing was changed", path=place.path)
    notes = [] if module.check_mode else watchdog.clean_up(place)
    before = _read(module, place.path)
    folder = module.params["library_dir"].rstrip("/")
    absent = module.params["state"] == "absent"
    wanted = [] if absent else _wanted(module, folder)
    old = before or b""
    after = with_entries(old, wanted, folder) if wanted else without_entries(old, folder)
    gone = [entry for entry in own_entries(old, folder) if entry not in wanted]
    result: Result = {
        "path": place.path,
        "entries": own_entries(after, folder),
        "removed": gone,
        "notes": notes,
        "trial": "none",
        "watchdog": "",
    }
    if absent:
        result["mapped_by"] = users.mapped_by(folder)
    new = before if after == old else after or None  # where nothing is left in it, no file is
    moves = new != before
    attributes = _wrong_attributes(place.path) if before is not None and new is not None else ""
    result["diff"] = _diff(place.path, before, new, attributes)
    if not module.check_mode and in_force.history(place.path).versions:
        _note(place.path, before)  # a run that was killed may have written it and not noted it any more
    if not moves and not attributes:
        return {**result, "changed": False}
    if not module.check_mode:
        lock.take()
    if moves:
        _refuse_mounted(module, place.path)
    if wanted and moves:
        _preflight(module, place, wanted, old, after, result)
    if module.check_mode:
        return {**result, "changed": True}
    if moves and before is not None and module.params["backup"]:
        result["backup_file"] = module.backup_local(place.path)
    if moves:
        _note(place.path, before)
    if not moves and not fault(place.path):
        _repair(place.path)
    elif not moves:  # another user may have it open for writing: his would stay the old file
        _replace(module, place, after)
    elif new is None:
        os.unlink(place.path)
    elif wanted and module.params["watchdog"] > 0:
        result.update(_begin(module, place, after))
    else:
        _replace(module, place, after)
    sync_folder(os.path.dirname(place.path))
    if moves:
        with contextlib.suppress(OSError):  # it is in force
            _note(place.path, new)
    return {**result, "changed": True}


def _replace(module: Module, place: watchdog.GuardedFile, content: bytes) -> None:
    replace_file(
        place.path, content, watchdog.MODE, prepare=lambda path: module.label(path, place.path), temporary=place.new
    )


def _note(path: str, content: t.Optional[bytes]) -> None:
    """Note what the file says, to tell later which processes were started with it."""
    in_force.note(path, None if content is None else content.decode("utf-8", "surrogateescape"))


def _wanted(module: Module, folder: str) -> t.List[str]:
    """Return the entries, as given or as this host needs them."""
    given: t.Optional[t.List[str]] = module.params["libraries"]
    if given is not None:
        foreign = [entry for entry in given if not is_below(entry, folder)]
        if foreign or not given:
            module.fail_json(
                msg=f"libraries: {foreign or 'empty'}: every entry must be below library_dir ({folder}), because what"
                " is elsewhere is not ours and would never be removed"
            )
        return list(dict.fromkeys(given))
    names = [LIBRARIES[name] for name in LIBRARIES if name in module.params["use"]]
    if not names:
        module.fail_json(msg="use: empty; name at least one of connect, listen, socket, or set state: absent")
    multilib = len(libraries_loaders.find_loaders()) > 1
    return [f"{folder}/$LIB/{name}" if multilib else f"{folder}/{name}" for name in names]


def _preflight(
    module: Module, place: watchdog.GuardedFile, wanted: t.List[str], before: bytes, after: bytes, result: Result
) -> None:
    """Refuse what would harm the host; all reasons at once."""
    params = module.params
    folder = params["library_dir"].rstrip("/")
    loaders = libraries_loaders.find_loaders()
    if not loaders:
        module.fail_json(
            msg="no loader of glibc is on this host, and no other reads /etc/ld.so.preload", path=place.path
        )
    if params["watchdog"] < 0 or params["watchdog"] > 86400 or params["timeout"] < 1:
        module.fail_json(msg="watchdog must be from 0 to 86400 seconds, timeout at least 1", path=place.path)
    files = [path for path, _loader in check.files_of(wanted, loaders)[0]]
    if module.check_mode:
        parts = [*files, os.path.join(folder, table.WATCHDOG)] if params["watchdog"] else files
        missing = [path for path in parts if not os.path.exists(path)]
        if missing:  # in a run that is not only foretold, an earlier task installs them
            result["notes"].append(f"not tried: {', '.join(missing)} {_are(missing)} not installed yet")
            return
    if params["watchdog"] > 0 and not watchdog.linking(os.path.join(folder, table.WATCHDOG)):
        module.fail_json(
            msg=f"{folder}/{table.WATCHDOG} is missing: it puts the old file back when a new one harms the host;"
            " install it with preload_libraries (role keepalive_build), or do without it by watchdog: 0",
            path=place.path,
        )
    result["notes"] += security.notes(files, folder)
    if not params["preflight"]:
        wrong = [f"{path}: {fault(path)}" for path in files if os.path.lexists(path) and fault(path)]
        if wrong:
            module.fail_json(
                msg="refused, without the preflight too, because every process of root would load what others could"
                f" change: {'; '.join(wrong)}. Nothing was changed.",
                path=place.path,
            )
        return
    commands, units, mistakes = _commands(module)
    result["notes"] += units
    problems = [check.LibraryProblem("", "", mistake) for mistake in mistakes]
    problems += check.check_files(wanted, loaders)
    attempt = trial.Trial(params["timeout"])
    if not problems:
        native = [loader for loader in loaders if loader.elf.abi == _own_abi()] or loaders[:1]
        others = [loader.program for loader in loaders if loader not in native]
        problems = attempt.preload(wanted, [*commands, *others])
        if not problems:
            programs = [*commands, *others, *nobody_commands()]
            problems, obstacle = attempt.file(place.path, before, after, programs)
            if obstacle:
                result["notes"].append(
                    f"the file could not be tried in a mount namespace ({obstacle}); LD_PRELOAD alone was tried"
                )
    result["tried"] = attempt.tried
    if problems:
        module.fail_json(
            msg=[
                f"refused: with these libraries in {place.path}, programs of this host would not do what they do now."
                " Nothing was changed.",
                *(f"- {problem}" for problem in problems),
                *(f"Note: {note}" for note in result["notes"]),
            ],
            problems=[problem._asdict() for problem in problems],
            changed=False,
            **{key: value for key, value in result.items() if key in ("path", "notes", "tried")},
        )


def _are(things: t.Sequence[str]) -> str:
    return "is" if len(things) == 1 else "are"


def _own_abi() -> t.Tuple[int, str, bool]:
    return read_elf("/proc/self/exe").abi


def _commands(module: Module) -> t.Tuple[t.List[t.List[str]], t.List[str], t.List[str]]:
    """Return what is tried, notes on units, and what is wrong with what was given."""
    params = module.params

    mistakes: t.List[str] = []
    if params["programs"] is None:
        commands = default_commands()
    else:
        commands, mistakes = given_commands(params["programs"], "programs")
    more, wrong = given_commands(params["extra_programs"], "extra_programs")
    notes: t.List[str] = []
    of_units: t.List[t.List[str]] = []
    if params["units"] and module.check_mode:
        notes = [
            "the units' own programs are not run in check mode; without it they are tried before anything is written"
        ]
    elif params["units"]:
        of_units, notes = unit_commands(systemd.ask_systemd, params["units"])
    commands += [command for command in [*more, *of_units] if command not in commands]
    return commands or [[find_program("true") or "/bin/true"]], notes, mistakes + wrong


def _begin(module: Module, place: watchdog.GuardedFile, after: bytes) -> Result:
    """Have the watchdog put the file in force; the action takes it from here."""
    program = os.path.join(module.params["library_dir"], table.WATCHDOG)
    token = secrets.token_hex(8)
    watchdog.remember(place, token, trial.noise())
    how = watchdog.begin(
        place, program, after, token, module.params["watchdog"], lambda path: module.label(path, place.path)
    )
    return {"armed": True, "token": token, "trial": how, "watchdog": watchdog.linking(program)}


def _confirm(module: Module, place: watchdog.GuardedFile, token: str) -> None:
    """We are here over a new connection; do programs start, too? Then the new file stays."""
    seen = trial.programs_start(watchdog.remembered(place, token))
    if seen:
        word = watchdog.end(place, token, "abort")
        module.fail_json(msg=seen, seen=seen, healed=word.startswith("reverted"), result=word)
    word = watchdog.end(place, token, "commit")
    if word != "committed":
        module.fail_json(msg=word, seen=f"the host is well, but the new file could not stay: {word}", healed=True)
    module.exit_json(changed=True, result=word)


def _wrong_attributes(path: str) -> str:
    """Mode and owner, where they are not those that the loader and security need."""
    status = os.stat(path)
    found = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    right = (watchdog.MODE, os.geteuid(), os.getegid())
    return "" if found == right else f"mode {found[0]:04o}, owner {found[1]}:{found[2]}"


def _repair(path: str) -> None:
    os.chown(path, os.geteuid(), os.getegid())
    os.chmod(path, watchdog.MODE)


def _diff(path: str, before: t.Optional[bytes], after: t.Optional[bytes], attributes: str) -> t.Dict[str, str]:
    def text(content: t.Optional[bytes]) -> str:
        return "" if content is None else content.decode("utf-8", "surrogateescape")

    def header(content: t.Optional[bytes], remark: str) -> str:
        return f"{path} (no such file)" if content is None else path + (f" ({remark})" if remark else "")

    right = f"mode {watchdog.MODE:04o}, owner {os.geteuid()}:{os.getegid()}" if attributes else ""
    return {
        "before": text(before),
        "after": text(after),
        "before_header": header(before, attributes),
        "after_header": header(after, right),
    }


if __name__ == "__main__":
    main()
