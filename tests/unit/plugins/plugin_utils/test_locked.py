# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a task says that its run is: the process that forked it, and nobody where that was killed."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import typing as t

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.netops.keepalive.plugins.plugin_utils import _locked

FORK = multiprocessing.get_context("fork")


def task(orphaned: bool, pipe: t.Any) -> None:
    """A worker, which waits for its parent's end first where it is to be an orphan."""
    if orphaned:
        parent = multiprocessing.parent_process()
        assert parent is not None and parent.pid is not None
        # Readable once the children of the process have their new parent; its pipes are closed before that.
        select.select([os.pidfd_open(parent.pid)], [], [])
    try:
        pipe.send(_locked.identity()["pid"])
    except AnsibleActionFail as error:
        pipe.send(str(error))


def run(orphaned: bool, pipe: t.Any) -> None:
    """A run that starts one worker and is killed, or waits for it."""
    worker = FORK.Process(target=task, args=(orphaned, pipe))
    worker.start()
    if orphaned:
        os.kill(os.getpid(), signal.SIGKILL)
    worker.join()


@pytest.mark.parametrize("orphaned", [False, True])
def test_an_orphan_takes_no_lock_in_the_name_of_process_1(orphaned: bool) -> None:
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=run, args=(orphaned, sender))
    process.start()
    assert receiver.poll(30), "the worker said nothing"
    said = receiver.recv()
    process.join()
    assert said == ("the run that this task belongs to has ended; nothing was done" if orphaned else process.pid)
