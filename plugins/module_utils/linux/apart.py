# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Touch the sockets of others in a process of our own that can be given up, because they may make it wait for ever.

Whoever holds a duplicate of a socket is at its owner's mercy in two ways. The last close() of a socket with SO_LINGER
and unsent data waits as long as its owner has said, and ours is the last if he dies while we hold it. And several
questions (its names, TCP_INFO), as every setting, wait for the socket's lock, which its owner keeps while the kernel
copies what he sends; if that memory is mapped from a file system of his own (FUSE), it is kept until he answers, and
the wait for it does not even end with SIGKILL.

So the duplicates are made by a child of ours. It keeps those whose close() would wait until it ends, because a process
that ends does not linger. It has a limit; then it is killed, or if it cannot be, left behind, with nothing of ours.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import marshal
import os
import select
import signal
import struct
import time
import typing as t
import warnings
import weakref

from .accounts import account_of
from .polling import poll_until
from .stuck import real_user_of
from .unreadable import Unreadable

LIMIT = 10.0
"""Seconds for one call, that is some hundred sockets of one process: thousands of times what it takes."""

BUDGET = 60.0
"""Seconds that are spent on all processes that do not let themselves be read; then no further one is waited for."""

_ENDING = 1.0
"""Seconds for a child that has nothing left to do, or was killed."""
_PAUSE = 0.002
_LENGTH = struct.Struct("=Q")

Work = t.Callable[..., t.Tuple[t.Any, bool]]
"""What the child does with the arguments of a call: returns what marshal can write, and whether the child must end now,
because it keeps descriptors that only its end lets go."""


class Stuck(Unreadable):
    """A process that makes everybody wait who looks at its sockets; the text says so."""

    def __init__(self, seen: str) -> None:
        super().__init__(errno.ETIME, "")
        self.args = (seen,)

    @property
    def remedy(self) -> str:
        """Say who could read them."""
        return "see what it waits for, or end it"


class Apart:
    """Does one kind of work in a child, which is started when there is something to do, and ends with this object."""

    def __init__(self, limit: float = LIMIT, budget: float = BUDGET) -> None:
        self._limit = limit
        self._left = budget
        self._stuck: t.Set[str] = set()
        self._child: t.Optional[_Child] = None

    def call(self, work: Work, pid: int, *arguments: t.Any) -> t.Any:
        """Do the work on a process.

        :param work: the same in every call; not kept, because it mostly belongs to who keeps us.
        :param arguments: after its PID; what marshal can write.
        :raises Stuck: it does not come to its end; neither are other processes of the same user waited for any more.
        :raises Unreadable: as the work raised it; OSError as well.
        """
        user = _whose(pid)
        if user in self._stuck:
            raise Stuck(f"another process of {user} made us wait {self._limit:g} s for its sockets")
        if self._left <= 0:
            raise Stuck("other processes made us wait too long for their sockets")
        if self._child is None:
            self._child = _Child(work)
        started = time.monotonic()
        try:
            answer, goes_on = self._child.ask((pid, *arguments), self._limit)
        except _NoAnswer as error:
            self._child.end(kill=True)
            self._child = None
            self._left -= time.monotonic() - started
            if user is not None:  # one of root's that is stuck says nothing about the rest of the host
                self._stuck.add(user)
            raise Stuck(f"{error} while its sockets were looked at") from None
        if not goes_on:
            self._child.end()
            self._child = None
        kind, content = answer
        if kind == "unreadable":
            raise Unreadable(*content)
        if kind == "error":
            raise OSError(*content)
        return content


def ask_once(work: Work, limit: float) -> t.Any:
    """Do work in a child of its own, whose threads may wait for ever.

    :raises OSError: it does not come to its end.
    """
    child = _Child(work)
    try:
        (kind, content), _goes_on = child.ask((0,), limit)
    except _NoAnswer as error:
        raise OSError(errno.ETIME, f"processes were asked whether they let themselves be read: {error}") from None
    finally:
        child.end(kill=True)
    if kind != "done":
        raise OSError(*content)
    return content


class _NoAnswer(Exception):
    """The child has not answered; the text says how."""


class _Child:
    """A process that answers one question after the other until nobody asks any more."""

    def __init__(self, work: Work) -> None:
        asked, ask = os.pipe()
        answers, answer = os.pipe()
        with warnings.catch_warnings():  # of other threads: ours wait, and hold nothing that the child needs
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            try:
                _serve(work, asked, answer)
            finally:
                os._exit(0)
        os.close(asked)
        os.close(answer)
        self._ask, self._answers = ask, answers
        self._last = weakref.finalize(self, _end, self._pid, ask, answers)

    def end(self, kill: bool = False) -> None:
        """Have it end, which it does by itself when nobody can ask any more."""
        self._last.detach()
        _end(self._pid, self._ask, self._answers, kill)

    def ask(self, question: t.Tuple[t.Any, ...], limit: float) -> t.Tuple[t.Tuple[str, t.Any], bool]:
        """Return an answer, and whether there can be a next question."""
        deadline = time.monotonic() + limit
        try:
            _send(self._ask, question)
            (size,) = _LENGTH.unpack(_receive(self._answers, _LENGTH.size, deadline))
            answer: t.Tuple[t.Tuple[str, t.Any], bool] = marshal.loads(_receive(self._answers, size, deadline))
        except (EOFError, BrokenPipeError):
            raise _NoAnswer("the process that reads sockets was ended") from None
        except TimeoutError:
            raise _NoAnswer(f"nothing came back for {limit:g} s") from None
        return answer


def _end(pid: int, ask: int, answers: int, kill: bool = False) -> None:
    """Have a child end, and collect it. One that cannot end (see above) is left to process 1."""
    os.close(ask)
    os.close(answers)
    for force in (True,) if kill else (False, True):
        if force:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):  # somebody else has collected it
            if poll_until(lambda: os.waitpid(pid, os.WNOHANG) != (0, 0), _ENDING, _PAUSE):
                return


def _serve(work: Work, asked: int, answer: int) -> None:
    """Answer questions, in the child."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    # What was garbage when we were forked would close descriptors by numbers that are ours by then.
    gc.freeze()
    _let_go_of_all_but(asked, answer)
    goes_on = True
    while goes_on:
        try:
            (size,) = _LENGTH.unpack(_receive(asked, _LENGTH.size))
            question = marshal.loads(_receive(asked, size))
        except EOFError:
            return
        kind = "done"
        try:
            content, must_end = work(*question)
            goes_on = not must_end
        except Unreadable as error:
            kind, content, goes_on = "unreadable", (error.errno, error.call), False
        except OSError as error:
            kind, content, goes_on = "error", (error.errno, str(error.strerror)), False
        _send(answer, ((kind, content), goes_on))


def _let_go_of_all_but(*kept: int) -> None:
    """Close what the child has inherited: who is left behind must not keep a lock, or the pipe that a caller reads."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor not in (*kept, null):
            with contextlib.suppress(OSError):
                os.close(descriptor)
    for descriptor in range(3):
        if descriptor not in (*kept, null):
            os.dup2(null, descriptor)


def _send(descriptor: int, content: t.Any) -> None:
    packed = marshal.dumps(content)
    rest = memoryview(_LENGTH.pack(len(packed)) + packed)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _receive(descriptor: int, size: int, deadline: t.Optional[float] = None) -> bytes:
    """Read so many bytes.

    :raises EOFError: there are no more, because the other side has ended.
    :raises TimeoutError: they did not come in time.
    """
    parts, poll = [], select.poll()
    poll.register(descriptor, select.POLLIN)
    while size:
        if deadline is not None and not poll.poll(max(0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        part = os.read(descriptor, size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _whose(pid: int) -> t.Optional[str]:
    """Say whose process it is, None for root's.

    What a user has started from his sessions is his whatever its user: with subordinate user ids he has thousands, and
    would make us wait for each.
    """
    user = real_user_of(pid)
    if not user:
        return None
    account = account_of(pid, "")
    return account.place if account.of_sessions else f"user {user}"
