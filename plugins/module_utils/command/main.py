# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command keepalive-sockets: the TCP sockets of this host with the values of their options, for people on it.

It runs without Ansible and without anything installed but Python 3.8: see command/archive.py.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import re
import shutil
import sys
import typing as t

from ..audit.remarks import of_nobody
from ..linux import systemd
from ..linux.answering import SILENT
from ..linux.printable import printable, shown, width
from ..linux.procfs import HOST, Proc
from ..linux.stuck import LIMIT, Watch
from ..linux.unit_names import is_pattern, is_unit_name, name_problem
from ..rollout.standing import IN_ORDER, standing
from ..settings.version import VERSION
from ..sockets.access import choose_access
from ..sockets.unowned import sum_up_unowned
from ..units.asked import AskedUnit, askable, unit_from
from ..verdicts.answer import Answer, Question
from ..verdicts.inspection import Audit
from ..verdicts.report import why_no_sockets
from .monitoring import Wanted, complain_of, run_monitoring
from .narrow import NARROWEST, narrow
from .programs import ProgramsShown, programs_for
from .table import table

NAME = "keepalive-sockets"
ALL_SHOWN, PARTLY_SHOWN, WRONG_ARGUMENTS = 0, 1, 2

_EPILOGUE = """\
columns:
  WAY           out: this host connected; in: accepted; listen: what it accepts inherits its values;
                queue: connected to this listener of the program, and not accepted yet
  KEEPALIVE     SO_KEEPALIVE; IDLE, INTVL and CNT only matter where it is on
  USER-TIMEOUT  TCP_USER_TIMEOUT; 0: the system's way
  SILENT        seconds since data last went either way
  PID/PROGRAM   812+2/nginx: two more processes hold the same socket
  ?             could not be read;  -  there is none
  below         BPF programs that set options of these units' sockets: ours, or foreign

exit status:
  0  everything that was asked for and that a process holds is shown
  1  something could not be read, see standard error; what could is shown
  2  wrong arguments: no such unit, no such process
  with --rollout:
  0  none is under way, and none has left anything to finish or to take back
  1  one is under way, or has left something
  2  that cannot be seen: not root
with --check, as plugins of monitoring systems:
  0  OK        every unit is as its drop-in asks; what its entry accepts counts as right
  1  WARNING   sockets that a restart or a new connection puts right, too few, or no such unit
  2  CRITICAL  sockets, or a BPF program, that are wrong and stay so
  3  UNKNOWN   something could not be seen, or nothing is asked on this host
what each reason means, and what helps: docs/reasons.md of the collection
with --metrics and --facts alone:
  0  written, whatever was found
  1  a file could not be written, or nothing could be looked at

examples:
  keepalive-sockets --unit nginx.service
  keepalive-sockets --unit 'worker@*.service' --json
  keepalive-sockets --port 5432
  keepalive-sockets --check
"""


class WrongArgument(Exception):
    """An argument that cannot be meant; the text says why."""


def main(arguments: t.Optional[t.Sequence[str]] = None, proc: Proc = HOST, limit: float = LIMIT) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    if options.rollout:
        return _show_rollout(options)
    if options.check or options.metrics or options.facts:
        return _monitor(Wanted(options.check, options.metrics, options.facts), proc, limit)
    try:
        units = _units(options.unit)
        question = Question(tuple(units), frozenset(options.pid), frozenset(options.port), ())
        with Watch(_complaint, 2, limit):
            audit = Audit(question, choose_access().reader, proc=proc)
            answer = audit.run()
            programs = programs_for((record.unit for record in answer.records), audit.programs)
        _check_pids(options.pid, proc)
        _check_patterns(units, answer)
    except WrongArgument as error:
        _complain(str(error))
        return WRONG_ARGUMENTS
    except OSError as error:
        _complain(str(error))
        return PARTLY_SHOWN
    missing = _not_shown(answer)
    others = set(answer.unreadable).difference(SILENT)
    nobodys = [] if others else of_nobody(sum_up_unowned(answer.unowned))  # they are other users' as likely as not
    try:
        if options.json:
            lines = [json.dumps(shown(_as_json(answer, missing + nobodys, programs)), indent=2)]
        else:
            lines = [*_laid_out(answer, options), *programs.lines]
        _write(sys.stdout, lines)
        sys.stdout.flush()
    except BrokenPipeError:  # | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ALL_SHOWN
    for unit in units:
        why_none = why_no_sockets(answer.units[unit.name])
        if why_none:
            _complain(f"{unit.name}: {why_none}")
    for line in [*missing, *nobodys, *(f"which BPF programs run is not known: {why}" for why in programs.unknown)]:
        _complain(line)
    return PARTLY_SHOWN if missing else ALL_SHOWN


def _monitor(wanted: Wanted, proc: Proc, limit: float) -> int:
    status, lines, errors = run_monitoring(wanted, proc, limit)
    _write(sys.stdout, lines)
    complain_of(errors, NAME)
    return status


def _laid_out(answer: Answer, options: argparse.Namespace) -> t.List[str]:
    """Return the table, or where a terminal is too narrow for it, or a width is asked for, what fits there."""
    lines = table(answer.records, options.wide)
    columns = options.width
    if columns is None:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() and not options.wide else 0
    fits = not columns or all(width(line) <= columns for line in lines)
    return lines if fits else narrow(answer.records, max(columns, NARROWEST))


def _show_rollout(options: argparse.Namespace) -> int:
    """Say how the host stands with rollouts; the exit status tells whether it is in order."""
    try:
        now = standing()
    except (OSError, systemd.SystemdError) as error:
        _complain(str(error))
        return WRONG_ARGUMENTS
    lines = list(now.lines)
    _write(sys.stdout, [json.dumps({"state": now.state, "lines": lines}, indent=2)] if options.json else lines)
    return ALL_SHOWN if now.state == IN_ORDER else PARTLY_SHOWN


def _complaint(why: str) -> bytes:
    return f"{NAME}: {printable(why)}\n".encode("ascii", "backslashreplace")


def _complain(text: str) -> None:
    _write(sys.stderr, [f"{NAME}: {printable(text)}"])


def _write(stream: t.TextIO, lines: t.Iterable[str]) -> None:
    """Write to a terminal whose character set may lack what a name is made of."""
    encoding = stream.encoding or "utf-8"
    text = "".join(f"{line}\n" for line in lines)
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Show the TCP sockets of this host with the values of their options. Changes nothing.\n"
        "Without a selection: all. --unit and --pid add up, --port narrows.",
        epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--unit", "-u", action="append", default=[], metavar="U", help="a systemd unit, a template or a pattern")
    add("--pid", "-p", action="append", default=[], type=_pid, metavar="P", help="a process")
    add("--port", "-P", action="append", default=[], type=_port, metavar="N", help="only with this port, on either end")
    add("--wide", "-w", action="store_true", help="also SYNCNT, DEFER_ACCEPT, MAXSEG and WINDOW_CLAMP")
    add("--width", "-W", type=_width, metavar="N", help="lines of N columns; 0: the whole table; else the terminal's")
    add("--rollout", "-r", action="store_true", help="no sockets: is a rollout under way, or has one left something?")
    add("--json", "-j", action="store_true", help="everything, as JSON; null: not known")
    add("--check", "-c", action="store_true", help="for monitoring: are units as their drop-ins ask?")
    add("--metrics", default="", metavar="F", help="the same for node_exporter, into this file (-: standard output)")
    add("--facts", default="", metavar="F", help="the same for ansible_local, as JSON")
    add("--version", "-V", action="version", version=f"{NAME} {VERSION} (netops.keepalive)")
    return parser


def _width(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or 0 < int(text) < NARROWEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of columns from {NARROWEST} on, or 0")
    return int(text)


def _pid(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a process, such as 812")
    return int(text)


def _port(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def _units(names: t.Sequence[str]) -> t.List[AskedUnit]:
    full = [name if is_unit_name(name) or is_pattern(name) else f"{name}.service" for name in dict.fromkeys(names)]
    for name in full:
        problem = name_problem(name, patterns=True)
        if problem:
            raise WrongArgument(f"--unit: {problem}")
    try:
        answers = systemd.show(systemd.ask_systemd, askable(full))
    except systemd.SystemdError as error:
        raise WrongArgument(str(error)) from error
    units = [unit_from(name, answers.get(name)) for name in full]
    for unit in units:
        if unit.load_state == "not-found":
            raise WrongArgument(f"there is no unit {unit.name}")
    return units


def _check_pids(pids: t.Iterable[int], proc: Proc) -> None:
    there = set(proc.pids())
    for pid in pids:
        if pid not in there:
            raise WrongArgument(f"there is no process {pid}")


def _check_patterns(units: t.Iterable[AskedUnit], answer: Answer) -> None:
    """systemctl is not asked about templates and patterns: one that no process belongs to is most likely mistyped."""
    for unit in units:
        if unit.load_state is None and not answer.units[unit.name]["pids"]:
            raise WrongArgument(f"no running unit matches {unit.name}")


def _not_shown(answer: Answer) -> t.List[str]:
    lines = []
    hidden = len(answer.unreadable)
    if hidden:
        why = answer.unreadable[min(answer.unreadable)].replace("run as root (become: true)", "run as root")
        lines.append(f"{hidden} process{'es' if hidden > 1 else ''} not shown: {why}")
    values = collections.Counter(record.why_unreadable for record in answer.records if not record.readable)
    for detail, count in values.most_common():  # few: what the kernel said, who could, and what the timer shows
        why = detail.replace("root (become: true)", "root")
        lines.append(f"{count} socket{'s' if count > 1 else ''} without values: {why}")
    return lines


def _as_json(answer: Answer, missing: t.List[str], programs: ProgramsShown) -> t.Dict[str, t.Any]:
    sockets = []
    for record in answer.records:
        shown = record.as_dict()
        shown.update(detail=record.why_unreadable, silent=record.idle)
        sockets.append(shown)
    return {"sockets": sockets, "not_shown": missing, "programs": programs.as_dicts()}
