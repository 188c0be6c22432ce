# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The document of the run that is under way: made at each of its steps, so that it tells of one that dies as well.

It is begun with the variables, before any host is asked: what cannot be written is known then.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible.release import __version__ as version_of_ansible

from ..module_utils.report.changes import Changes
from ..module_utils.report.document import HostSeen, RunSeen, document_of, text_of
from ._document import UNKNOWN, of_readings, of_rollout
from ._gathered import Variables, gathered
from ._report_file import file_of, version_of_collection, write_forms, write_report
from ._report_since import changes_since

Document = dict[str, t.Any]


def now() -> str:
    """Return the time as reports have it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class RunReport:
    """What a task says of the run that it is of.

    :param told: what the task C(inputs) has returned of it: C(kind), C(begun), C(report), a place or '', and
        C(formats), in which it is written beside that, and C(since), the earlier one with which it is compared.
    :param kind: which kind of run it is where no task C(inputs) has told.
    """

    def __init__(self, told: Variables, check_mode: bool, kind: str = "enable") -> None:
        self.kind = str(told.get("kind") or kind)
        self._begun = str(told.get("begun") or now())
        self._place = str(told.get("report") or "")
        self._formats = told.get("formats") or ()
        self._since = str(told.get("since") or "")
        self._check_mode = check_mode

    @property
    def path(self) -> str:
        """Return where the document goes; '' where none is wanted."""
        return file_of(self._place, self.kind, self._begun) if self._place else ""

    def begin(self, hosts: t.Iterable[str]) -> None:
        """Write down that the run has begun, where a document is wanted.

        :raises AnsibleActionFail: It cannot be written.
        """
        self.write(self._made({host: HostSeen(why=[UNKNOWN]) for host in hosts}, complete=False))

    def of_rollout(self, phase: str, task_vars: Variables, complete: bool) -> Document:
        """Return what is known at a step of a run that changes hosts."""
        look = task_vars["hostvars"].raw_get
        of_play, reached = task_vars["ansible_play_hosts_all"], task_vars["ansible_play_hosts"]
        hosts = list((task_vars.get("keepalive_inputs") or {}).get("outcomes") or of_play)
        lost = set(of_play).difference(reached)
        told = gathered(phase, hosts, [host for host in hosts if host not in lost], look)
        return self._made(of_rollout(told, look, complete, self._check_mode), complete)

    def of_readings(self, task_vars: Variables, whole_host: bool) -> Document:
        """Return what is known at the end of a run that reads alone."""
        hosts = task_vars["ansible_play_hosts_all"]
        return self._made(of_readings(hosts, task_vars["hostvars"].raw_get, whole_host))

    def changes(self, document: Document) -> Changes | None:
        """Return what has changed since the earlier document; None before the end, and where none is wanted.

        :raises AnsibleActionFail: That cannot be read.
        """
        return changes_since(self._since, document) if document["complete"] else None

    def write(self, document: Document, changes: Changes | None = None) -> None:
        """Write the document where one is wanted.

        :raises AnsibleActionFail: It cannot be written.
        """
        if self._place:
            path = self.path
            write_forms(path, document, self._formats, changes)  # first, as something else may be in the way
            write_report(path, text_of(document))

    def _made(self, hosts: t.Mapping[str, HostSeen], complete: bool = True) -> Document:
        run = RunSeen(
            self.kind, self._begun, now(), complete, self._check_mode, version_of_collection(), version_of_ansible
        )
        return document_of(run, hosts)
