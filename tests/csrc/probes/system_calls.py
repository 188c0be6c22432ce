"""Makes each system call for which the collection has a number of its own, and prints what comes of it."""

import os
import platform
import socket
import sys
import threading

from ansible_collections.netops.keepalive.plugins.module_utils.bpf import kernel_map
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import system_call as bpf
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import parse_auxv
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import portable

CODE = bytes.fromhex("b7000000010000009500000000000000")


def say(*words: object) -> None:
    print(*words, flush=True)


say(platform.machine(), 8 * (sys.maxsize.bit_length() + 1) // 8, "bits")
os.close(bpf.load_program(CODE, "a_name", "GPL"))
os.close(bpf.load_program(CODE, "another", "Dual MIT/GPL", bpf.ITERATOR, about=70000))
bpf.attach_program(3, 4)
bpf.attach_program(3, 4, 5, bpf.FOR_SETTING)
bpf.detach_program(3, 4)
say(*bpf.query_programs(3, effective=True))
say(*bpf.program_info(3))
os.close(bpf.open_program(70000))
os.close(bpf.start_iterator(3))
with kernel_map.filled_map(b"key1key2", [0, 1], [b"v1", b"v2"]):
    pass

with socket.socket() as own:
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77)
    say("own socket has", own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))
    process = portable._open_process(os.getpid(), None)
    assert process is not None
    copy = portable._duplicate(process, own.fileno())
    assert copy is not None
    with socket.socket(fileno=copy) as duplicate:
        say("its duplicate has", duplicate.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))
# By Python itself above; by number with Python 3.8.
portable._system_call("pidfd_open", portable._NR_PIDFD_OPEN, os.getpid(), 0)

thread: list = []
ready, done = threading.Event(), threading.Event()
other = threading.Thread(target=lambda: (thread.append(threading.get_native_id()), ready.set(), done.wait()))
other.start()
ready.wait()
say("tables of two threads differ by", portable._compare_tables(os.getpid(), thread[0]))
done.set()
other.join()
with open("/proc/self/auxv", "rb") as block:
    say("page size", parse_auxv(block.read(), 64)[6] == os.sysconf("SC_PAGESIZE"))
