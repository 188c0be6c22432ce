# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Code for live_processes.Child: threads with descriptors of their own, and a first thread that ends first."""

from __future__ import annotations

import os

from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import portable

APART = """
import ctypes, queue, threading
libc = ctypes.CDLL(None, use_errno=True)
class Apart:
    'A thread that runs what it is given, with a descriptor table of its own (unless it shares that of the process).'
    def __init__(self, unshare=0x400):
        self.work, self.done = queue.Queue(), queue.Queue()
        threading.Thread(target=self.loop, args=(unshare,), daemon=True).start()
        self.tid = self.done.get()
    def loop(self, unshare):
        assert not unshare or libc.unshare(unshare) == 0, os.strerror(ctypes.get_errno())
        self.done.put(threading.get_native_id())
        while True:
            code, result = self.work.get(), {}
            exec(code, names, result)
            self.done.put(result.get("answer"))
    def run(self, code):
        self.work.put(code)
        return self.done.get()
names = globals()
"""

END_OF_LEADER = """
import platform
def go_on():
    while open(f"/proc/{os.getpid()}/stat").read().rsplit(")", 1)[1].split()[0] != "Z":
        pass
    print("null", flush=True)
    for line in iter(sys.stdin.readline, ""):
        names["answer"] = None
        exec(__import__("json").loads(line), names)
        print(__import__("json").dumps(names["answer"]), flush=True)
    os._exit(0)
threading.Thread(target=go_on).start()
libc.syscall(60 if platform.machine() == "x86_64" else 93, 0)  # exit(2) ends this thread alone
"""
"""After APART."""


def can_be_opened() -> bool:
    """Tell whether this kernel opens threads (since Linux 6.9)."""
    try:
        os.close(portable._open_thread(os.getpid()))
    except (OSError, Unreadable):
        return False
    return True
