# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The earlier document with which one is compared."""

from __future__ import annotations

import functools
import os
import typing as t

from ..module_utils.report.changes import Changes, changes_between
from ._core import AnsibleActionFail
from ._report_file import NoReport, document_in, reports_in

Document = t.Mapping[str, t.Any]


@functools.lru_cache(maxsize=64)
def problem_with_since(said: str) -> str:
    """Say in one line why nothing can be compared with it; '' where something can, or there is nothing yet."""
    try:
        _earlier(said, "")
    except NoReport as error:
        return _in_one_line(error)
    return ""


def changes_since(said: str, document: Document) -> Changes | None:
    """Return what has changed since an earlier document; None where none is named, or there is none yet.

    :param said: What keepalive_report_since says: a file, or a folder, in which the latest complete document counts
        that is of an earlier run.
    :raises AnsibleActionFail: It cannot be read, or is no document, or is of a later run.
    """
    if not said:
        return None
    try:
        earlier = _earlier(said, document["begun"])
        if earlier is None:
            return None
        if earlier["begun"] >= document["begun"]:
            raise NoReport(
                f"{said}: begun: {earlier['begun']!r} is not before {document['begun']!r}, when the run of the report "
                "began: expected an earlier report"
            )
    except NoReport as error:
        raise AnsibleActionFail(f"keepalive_report_since: {_in_one_line(error)}") from None
    return changes_between(earlier, document)


def _earlier(said: str, before: str) -> Document | None:
    path = os.path.abspath(os.path.expanduser(said))
    if not os.path.isdir(path):
        if said.endswith("/") and not os.path.lexists(path):
            return None  # the folder of the first run
        return document_in(path)
    for each in reports_in(path, before):
        document = document_in(each)
        if document["complete"]:
            return document
    return None


def _in_one_line(error: NoReport) -> str:
    first, *others = str(error).split("\n")
    return "; ".join([first, *(line.partition(": ")[2] for line in others)])
