# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an errno of a call says: nothing is there any more, we may not, or something that nobody expected."""

from __future__ import annotations

import errno
import os
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.values import (
    is_gone,
    raise_unless_gone,
    raise_without_threads,
)

GONE = {errno.ESRCH, errno.EBADF, errno.EINVAL, errno.ENOENT}
NOT_LET = {errno.ENOSYS, errno.EPERM, errno.EACCES}


@pytest.mark.parametrize("number", [*errno.errorcode, None, 0])
def test_every_errno_is_gone_or_not_ours_to_read_or_an_error(number: t.Optional[int]) -> None:
    assert is_gone(number) is (number in GONE)
    if number in GONE:
        raise_unless_gone(number, "pidfd_getfd")
        return
    with pytest.raises(Unreadable if number in NOT_LET else OSError) as error:
        raise_unless_gone(number, "pidfd_getfd")
    if isinstance(error.value, Unreadable):
        assert (error.value.errno, error.value.call) == (number, "pidfd_getfd")
    else:
        assert isinstance(error.value, OSError)
        assert (error.value.errno, error.value.strerror) == (number, f"pidfd_getfd: {os.strerror(number or 0)}")


def not_asked() -> None:
    raise AssertionError("this very thread is tried only where the answer may mean that no thread can be opened")


def refused() -> None:
    raise OSError(errno.EINVAL, "Invalid argument")


def test_a_kernel_that_opens_no_thread_at_all_is_told_from_a_thread_that_is_gone() -> None:
    for number in (errno.ESRCH, errno.EPERM, None):
        raise_without_threads(number, not_asked)
    tried: t.List[int] = []
    raise_without_threads(errno.EINVAL, lambda: tried.append(1))
    assert tried == [1]
    with pytest.raises(Unreadable) as error:
        raise_without_threads(errno.EINVAL, refused)
    assert (error.value.errno, error.value.call) == (errno.EINVAL, "pidfd_open of a thread")
