# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole runs over the sockets of real processes: set, looked at again, put back."""

from __future__ import annotations

import errno
import pathlib
import shutil
import socket
import subprocess
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.systemd import Properties
from ansible_collections.netops.keepalive.plugins.module_utils.live.memory import ChangeGroup, Memory
from ansible_collections.netops.keepalive.plugins.module_utils.live.origin import Look
from ansible_collections.netops.keepalive.plugins.module_utils.live.results import Results
from ansible_collections.netops.keepalive.plugins.module_utils.live.run import LiveRun
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import LIBRARIES
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import at_once, choose_access
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import WINDOW_CLAMP_FLOOR
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader, PortableSetter
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.values import Applied, SettingPlan
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import AskedUnit, unit_from
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.answer import Answer, Question
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.inspection import Audit
from ansible_collections.netops.keepalive.tests.unit.support import thread_children
from ansible_collections.netops.keepalive.tests.unit.support.at_once import why_not_at_once
from ansible_collections.netops.keepalive.tests.unit.support.audited import Refusing
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc
from ansible_collections.netops.keepalive.tests.unit.support.sysctls import of_the_machine

CC = shutil.which("cc") or shutil.which("gcc")
needs_compiler = pytest.mark.skipif(CC is None, reason="needs a C compiler")

TIMES = {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": 120000}
VALUES = """
def values(s):
    return [bool(s.getsockopt(1, socket.SO_KEEPALIVE))] + [s.getsockopt(6, number) for number in (4, 5, 6, 18)]
"""
SET = [True, 60, 15, 4, 120000]
BY_HAND = "s.setsockopt(1, socket.SO_KEEPALIVE, 1); s.setsockopt(6, 4, 300)\n"


@pytest.fixture
def untouched() -> t.List[t.Any]:
    with socket.socket() as fresh:
        return [False] + [fresh.getsockopt(6, number) for number in (4, 5, 6, 18)]


@pytest.fixture
def proc(tmp_path: pathlib.Path) -> ShadowProc:
    folder = tmp_path / "proc"
    folder.mkdir()
    return ShadowProc(folder)


@pytest.fixture
def server() -> t.Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening


class Host:
    """The state of a host over several runs."""

    def __init__(self, proc: ShadowProc, tmp_path: pathlib.Path, library_dir: str = "/nowhere") -> None:
        self.proc = proc
        self.memory = str(tmp_path / "live.json")
        self.library_dir = library_dir
        self.setter: t.Any = PortableSetter()
        self.reader: t.Any = PortableReader()
        self.unreadable: t.Dict[int, str] = {}
        self.properties: t.Dict[str, Properties] = {}

    def question(self, expected: t.Sequence[Expectation], names: t.Iterable[str] = ()) -> Question:
        every = [*(expectation.name for expectation in expected), *names]
        units: t.List[AskedUnit] = [unit_from(name, self.properties.get(name)) for name in every]
        return Question(tuple(units), frozenset(), frozenset(), tuple(expected))

    def live(self, *expected: Expectation, check: bool = False) -> Results:
        memory = Memory(self.memory)
        run = self._run(memory, check)
        run.set(self._look(self.question(expected), memory), expected)
        if not check:
            memory.save()
        return run.results

    def restore(self, groups: t.Sequence[ChangeGroup], check: bool = False) -> Results:
        memory = Memory(self.memory)
        run = self._run(memory, check)
        run.restore(self._look(self.question((), {group.unit for group in groups}), memory), groups)
        self.unreadable = run.unreadable
        if not check:
            memory.save()
        return run.results

    def audit(self, *expected: Expectation) -> Answer:
        return self._audit(self.question(expected), Memory(self.memory)).run()

    def _audit(self, question: Question, memory: Memory) -> Audit:
        return Audit(question, self.reader, proc=self.proc, library_dir=self.library_dir, memory=memory)

    def _look(self, question: Question, memory: Memory) -> t.Callable[[], Look]:
        return lambda: self._audit(question, memory).look()

    def _run(self, memory: Memory, check: bool) -> LiveRun:
        return LiveRun(self.setter, memory, check=check)


@pytest.fixture(params=["one by one", "at once"])
def host(request: pytest.FixtureRequest, proc: ShadowProc, tmp_path: pathlib.Path) -> Host:
    made = Host(proc, tmp_path)
    if request.param == "at once":
        why_not = why_not_at_once()
        if why_not:
            pytest.skip(why_not)
        pair = at_once(choose_access("portable"), 1)
        made.reader, made.setter = pair.reader, pair.setter
    return made


def expecting(libraries: str = "connect", name: str = "a.service", **changes: t.Any) -> Expectation:
    tcp = changes.pop("tcp", {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": -1})
    return Expectation(name, frozenset(libraries.split()), tcp, frozenset(), 0, live=True)._replace(**changes)


def outcomes(results: Results, name: str = "a.service") -> t.Dict[str, int]:
    return {outcome: count for outcome, count in results.counts([])[name].items() if count}


def client(server: socket.socket, then: str = "") -> str:
    return f"{VALUES}\ns = socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))\n{then}"


LISTENER = f"{VALUES}\nlistener = socket.create_server(('127.0.0.1', 0)); accepted = []\n"
ACCEPT = "accepted.append(listener.accept()[0]); answer = values(accepted[-1])"


def test_a_connection_is_set_once_and_put_back(host: Host, server: socket.socket, untouched: t.List[t.Any]) -> None:
    with Child(client(server)) as child:
        host.proc.add(child.pid, "a.service")
        looked = host.live(expecting(), check=True)
        assert looked.changed
        assert child.run("answer = values(s)") == untouched
        results = host.live(expecting())
        assert child.run("answer = values(s)") == SET
        assert results.diff(0) == looked.diff(0)
        own, port = child.run("answer = s.getsockname()[1]"), server.getsockname()[1]
        descriptor = child.run("answer = s.fileno()")
        assert results.diff(0) == (
            f"a.service: pid {child.pid} fd {descriptor} outgoing 127.0.0.1:{own} to 127.0.0.1:{port}: "
            f"keepidle {untouched[1]} -> 60, keepintvl {untouched[2]} -> 15, keepcnt {untouched[3]} -> 4, "
            "user_timeout 0 -> 120000, keepalive off -> on\n"
        )
        assert host.audit(expecting()).units["a.service"]["ok"] is True
        again = host.live(expecting())
        assert (again.changed, outcomes(again)) == (False, {"right": 1})
        back = host.restore(results.previous())
        assert back.changed
        assert child.run("answer = values(s)") == untouched
        assert not host.restore(results.previous()).changed
        assert Memory(host.memory).units["a.service"].changes == {}


def test_only_the_services_direction_is_touched(host: Host, server: socket.socket, untouched: t.List[t.Any]) -> None:
    with Child(client(server) + LISTENER) as child:
        host.proc.add(child.pid, "a.service")
        port = child.run("answer = listener.getsockname()[1]")
        with socket.create_connection(("127.0.0.1", port)):
            child.run(ACCEPT)
            look = "answer = [values(s), values(listener), values(accepted[0])]"
            host.live(expecting("connect"))
            assert child.run(look) == [SET, untouched, untouched]
            host.live(expecting("listen"))
            assert child.run(look) == [SET, SET, SET]
            with socket.create_connection(("127.0.0.1", port)):
                assert child.run(ACCEPT) == SET  # from its listener


def test_what_a_listener_handed_on_meanwhile_goes_back_with_it(host: Host, untouched: t.List[t.Any]) -> None:
    with Child(LISTENER) as child:
        host.proc.add(child.pid, "a.service")
        port = child.run("answer = listener.getsockname()[1]")
        results = host.live(expecting("listen"))
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            assert [child.run(ACCEPT), child.run(ACCEPT)] == [SET, SET]
            child.run("accepted[1].setsockopt(6, 4, 44)")  # the application has changed this one since
            host.restore(results.previous())
            assert child.run("answer = [values(listener), values(accepted[0])]") == [untouched, untouched]
            assert child.run("answer = values(accepted[1])")[1] == 44


def test_what_waited_in_the_listeners_queue_is_found_by_the_second_look(host: Host) -> None:
    """It was established before the listener was set, and is in no process until it is accepted."""
    with Child(LISTENER) as child:
        host.proc.add(child.pid, "a.service")
        port = child.run("answer = listener.getsockname()[1]")
        with socket.create_connection(("127.0.0.1", port)):

            class AcceptsMeanwhile(PortableSetter):
                accepted: t.ClassVar[t.List[t.Any]] = []

                def apply(self, pid: int, plan: SettingPlan, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
                    yield from super().apply(pid, plan, thread)
                    if not self.accepted:
                        self.accepted.append(child.run(ACCEPT))

            host.setter = AcceptsMeanwhile()
            results = host.live(expecting("listen"))
            assert AcceptsMeanwhile.accepted[0] != SET
            assert child.run("answer = values(accepted[0])") == SET
            assert outcomes(results) == {"changed": 2}


@pytest.mark.parametrize(("keys", "outcome"), [({}, "left_alone"), ({"overwrite": True}, "changed")])
def test_what_the_application_has_set_is_left_alone_unless_asked(
    host: Host, server: socket.socket, keys: t.Dict[str, bool], outcome: str
) -> None:
    with Child(client(server, BY_HAND)) as child:
        host.proc.add(child.pid, "a.service")
        assert outcomes(host.live(expecting(**keys))) == {outcome: 1}
        assert child.run("answer = values(s)")[1] == (300 if outcome == "left_alone" else 60)
        unit = host.audit(expecting(**keys)).units["a.service"]
        assert unit["reasons"] == ({"overridden_by_application": 1} if outcome == "left_alone" else {})


def test_what_an_earlier_run_has_set_is_set_anew_and_the_first_values_come_back(
    host: Host, server: socket.socket, untouched: t.List[t.Any]
) -> None:
    with Child(client(server)) as child:
        host.proc.add(child.pid, "a.service")
        host.live(expecting())
        second = host.live(expecting(tcp={"keepidle": 30, "user_timeout": 0}))
        assert outcomes(second) == {"changed": 1}
        assert child.run("answer = values(s)") == [True, 30, 15, 4, 0]
        host.restore(second.previous())
        assert child.run("answer = values(s)") == SET
        remembered = Memory(host.memory).units["a.service"].changes
        host.restore(
            [ChangeGroup("a.service", change.before, change.after, False, (n,)) for n, change in remembered.items()]
        )
        assert child.run("answer = values(s)") == untouched


@needs_compiler
@pytest.mark.parametrize(
    ("environment", "on_it", "overwritten", "outcome"),
    [
        ({"TCP_KEEPIDLE": "300"}, (300, 15, 9, 435000), False, "changed"),  # its library with older settings
        ({"TCP_KEEPIDLE": "300", "TCP_USER_TIMEOUT": "0"}, (300, 15, 9, 0), False, "changed"),
        ({"TCP_KEEPIDLE": "300"}, (200, 15, 9, 335000), False, "left_alone"),  # the application, after the library
        ({"TCP_KEEPIDLE": "300", "LIBKEEPALIVE_DISABLE": "1"}, (300, 15, 9, 435000), False, "left_alone"),
        ({"TCP_KEEPIDLE": "300"}, (300, 15, 9, 435000), True, "changed"),  # only the derived timeout is left to tell
        ({"TCP_KEEPIDLE": "300"}, (300, 15, 9, 99999), True, "left_alone"),
    ],
)
def test_what_a_library_has_set_is_told_from_what_the_application_has(
    host: Host,
    server: socket.socket,
    tmp_path: pathlib.Path,
    environment: t.Dict[str, str],
    on_it: t.Tuple[int, ...],
    overwritten: bool,
    outcome: str,
) -> None:
    library = tmp_path / LIBRARIES["connect"]  # that it is loaded is what counts here, not what it does
    subprocess.run([str(CC), "-shared", "-fPIC", "-o", str(library), "-x", "c", "/dev/null"], check=True)
    host.library_dir = str(tmp_path)
    tune = "s.setsockopt(1, socket.SO_KEEPALIVE, 1)\n" + "".join(
        f"s.setsockopt(6, {number}, {value})\n" for number, value in zip((4, 5, 6, 18), on_it)
    )
    with Child(client(server, tune), env={"LD_PRELOAD": str(library), "PATH": "/bin", **environment}) as child:
        files = {"environ": "nginx: master process"} if overwritten else {}
        host.proc.add(child.pid, "a.service", **files)
        assert outcomes(host.live(expecting())) == {outcome: 1}


@needs_compiler
def test_keepalive_that_the_application_has_turned_off_again_stays_off(
    host: Host, server: socket.socket, tmp_path: pathlib.Path
) -> None:
    """The times that the library set are still there, and it is the application that wants no keepalive."""
    library = tmp_path / LIBRARIES["connect"]
    subprocess.run([str(CC), "-shared", "-fPIC", "-o", str(library), "-x", "c", "/dev/null"], check=True)
    host.library_dir = str(tmp_path)
    tune = "".join(
        f"s.setsockopt(6, {number}, {value})\n" for number, value in zip((4, 5, 6, 18), (300, 15, 9, 435000))
    )
    environment = {"LD_PRELOAD": str(library), "PATH": "/bin", "TCP_KEEPIDLE": "300"}
    with Child(client(server, tune), env=environment) as child:
        host.proc.add(child.pid, "a.service")
        assert outcomes(host.live(expecting())) == {"left_alone": 1}
        assert child.run("answer = values(s)") == [False, 300, 15, 9, 435000]
        child.run("s.setsockopt(1, socket.SO_KEEPALIVE, 1)")
        assert outcomes(host.live(expecting())) == {"changed": 1}, "as the library has set it"


class Closed(PortableReader):
    """A reader that is not even shown the descriptors."""

    def descriptors(self, _pid: int, _root: str = "", _thread: t.Optional[int] = None) -> t.Dict[int, int]:
        raise PermissionError


def test_a_socket_that_cannot_be_read_any_more_is_told_and_not_put_back(
    host: Host, server: socket.socket, untouched: t.List[t.Any]
) -> None:
    with Child(client(server)) as child:
        host.proc.add(child.pid, "a.service")
        groups = host.live(expecting()).previous()
        host.reader = Refusing(errno.EPERM)
        results = host.restore(groups)
        assert outcomes(results) == {"unreadable": 1}
        assert child.run("answer = values(s)") == SET
        host.reader = Closed()
        host.restore(groups)
        assert list(host.unreadable) == [child.pid]
        assert child.run("answer = values(s)") == SET
        host.reader = PortableReader()
        assert outcomes(host.restore(groups)) == {"changed": 1}, "it is still known what they had"
        assert child.run("answer = values(s)") == untouched


def test_what_cannot_be_changed_on_an_open_socket_waits_for_the_restart(host: Host, server: socket.socket) -> None:
    default = of_the_machine("syn_retries")
    expectation = expecting(tcp={"keepidle": 60, "syncnt": default + 1})
    with Child(client(server)) as child:
        host.proc.add(child.pid, "a.service")
        before = host.audit(expectation).units["a.service"]
        host.live(expectation)
        after = host.audit(expectation)
        assert before["reasons"] == {"library_not_loaded": 1}
        assert after.units["a.service"]["reasons"] == {"due_at_restart": 1}
        assert f"syncnt is {default} instead of {default + 1}" in after.verdicts[after.records[0].inode].detail


def test_what_is_opened_later_waits_for_the_next_run_or_the_restart(host: Host, server: socket.socket) -> None:
    with Child(client(server)) as child:
        host.proc.add(child.pid, "a.service")
        host.live(expecting())
        child.run(f"later = socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))")
        unit = host.audit(expecting()).units["a.service"]
        assert (unit["compliant"], unit["reasons"]) == (1, {"due_at_restart": 1})
        child.run("s.setsockopt(6, 4, 7200); s.setsockopt(1, socket.SO_KEEPALIVE, 0); s.setsockopt(6, 18, 0)")
        unit = host.audit(expecting()).units["a.service"]  # this one was there: live has no excuse
        assert unit["reasons"] == {"due_at_restart": 1, "library_not_loaded": 1}
        assert outcomes(host.live(expecting())) == {"changed": 2}


def test_an_audit_says_that_what_was_remembered_is_damaged(host: Host, server: socket.socket) -> None:
    with Child(client(server)) as child:
        host.proc.add(child.pid, "a.service")
        assert host.audit(expecting()).damages == ()
        pathlib.Path(host.memory).write_text("[")
        (damage,) = host.audit(expecting()).damages
        assert damage.startswith(f"{host.memory} is not JSON")


def test_a_socket_that_vanishes_is_told_and_the_others_are_set(host: Host, server: socket.socket) -> None:
    with Child(client(server, f"b = socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))")) as child:
        host.proc.add(child.pid, "a.service")

        class ClosesBefore(PortableSetter):
            def apply(self, pid: int, plan: SettingPlan, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
                child.run("number = b.fileno(); b.close(); os.dup2(0, number)")  # and the number is something else
                return super().apply(pid, plan, thread)

        host.setter = ClosesBefore()
        assert outcomes(host.live(expecting())) == {"changed": 1, "vanished": 1}
        assert child.run("answer = values(s)") == SET


def test_a_socket_whose_first_holder_closes_it_is_set_through_another(host: Host, server: socket.socket) -> None:
    with socket.create_connection(server.getsockname()) as shared:
        take = f"{VALUES}\ns = socket.socket(fileno={shared.fileno()})"
        with Child(take, pass_fds=[shared.fileno()]) as one, Child(take, pass_fds=[shared.fileno()]) as two:
            first, second = (one, two) if one.pid < two.pid else (two, one)
            host.proc.add(first.pid, "a.service")
            host.proc.add(second.pid, "a.service")

            class ClosesFirst(PortableSetter):
                def apply(self, pid: int, plan: SettingPlan, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
                    if pid == first.pid:
                        first.run("s.close()")
                    return super().apply(pid, plan, thread)

            host.setter = ClosesFirst()
            assert outcomes(host.live(expecting())) == {"changed": 1}
            assert second.run("answer = values(s)") == SET


def test_an_application_that_insists_is_not_fought(host: Host, server: socket.socket) -> None:
    with Child(client(server)) as child:
        host.proc.add(child.pid, "a.service")

        class SetsBack(PortableSetter):
            times: t.ClassVar[t.List[int]] = []

            def apply(self, pid: int, plan: SettingPlan, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
                yield from super().apply(pid, plan, thread)
                self.times.append(pid)
                child.run("s.setsockopt(6, 4, 300)")

        host.setter = SetsBack()
        host.live(expecting())
        assert SetsBack.times == [child.pid]
        assert host.audit(expecting()).units["a.service"]["reasons"] == {"overridden_by_application": 1}


def test_a_refused_option_is_told_and_the_rest_is_set(host: Host, server: socket.socket) -> None:
    class Refuses(PortableSetter):
        def apply(self, pid: int, plan: SettingPlan, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
            changed = {fd: (inode, [(6, 4, 99999), *settings[1:]]) for fd, (inode, settings) in plan.items()}
            return super().apply(pid, changed, thread)

    with Child(client(server)) as child:
        host.proc.add(child.pid, "a.service")
        host.setter = Refuses()
        results = host.live(expecting())
        (result,) = results.by_inode.values()
        assert (result.outcome, result.refused) == ("refused", {"keepidle": "Invalid argument"})
        assert child.run("answer = values(s)")[2:] == SET[2:]
        assert "keepidle" not in result.after


def test_a_socket_unit_of_systemd(host: Host, untouched: t.List[t.Any]) -> None:
    """systemd's own listener, and what its service accepted through it; the service inherits no user timeout."""
    with Child(LISTENER) as systemd:
        port, number = systemd.run("answer = [listener.getsockname()[1], listener.fileno()]")
        systemd.run(
            "listener.setsockopt(1, socket.SO_KEEPALIVE, 1); listener.setsockopt(6, 4, 600)"
        )  # its older drop-in
        inode = systemd.run("answer = os.fstat(listener.fileno()).st_ino")
        assert number > 2
        host.properties["a.socket"] = {
            "Id": "a.socket",
            "LoadState": "loaded",
            "ActiveState": "active",
            "Triggers": "a.service",
            "Listen": f"127.0.0.1:{port} (Stream)",
            "KeepAlive": "yes",
        }
        with socket.create_connection(("127.0.0.1", port)):
            systemd.run(ACCEPT)
            host.proc.add(systemd.pid, "init.scope", shown_as=1)
            host.proc.add(systemd.pid, "a.service")
            expectation = expecting("", "a.socket", tcp={"keepidle": 60, "keepintvl": 15, "keepcnt": 4})
            results = host.live(expectation)
            assert outcomes(results, "a.socket") == {"changed": 2}
            assert results.by_inode[inode].before["keepidle"] == 600
            look = "answer = [values(listener), values(accepted[0])]"
            assert systemd.run(look) == [[True, 60, 15, 4, 0]] * 2
            assert host.audit(expectation).units["a.socket"]["ok"] is True
            host.restore(results.previous())
            assert systemd.run(look) == [[True, 600, *untouched[2:]]] * 2


@pytest.mark.parametrize("ended", [False, True])
def test_what_threads_hold_in_descriptors_of_their_own_is_set_and_put_back(
    host: Host, server: socket.socket, untouched: t.List[t.Any], ended: bool
) -> None:
    """The first thread may have ended as well: then what the others share with it is reached through one of them."""
    if not thread_children.can_be_opened():
        pytest.skip("needs Linux 6.9")
    connect = f"s = socket.create_connection(('127.0.0.1', {server.getsockname()[1]})); kept.append(s)"
    with Child(thread_children.APART + VALUES + "kept = []; own = Apart()\n" + connect) as child:
        child.run(f"own.run({connect!r})")
        host.proc.add(child.pid, "a.service")
        if ended:
            child.run(thread_children.END_OF_LEADER)

        def values() -> t.List[t.Any]:
            return t.cast("t.List[t.Any]", child.run("answer = [values(s), own.run('answer = values(kept[1])')]"))

        results = host.live(expecting())
        assert outcomes(results) == {"changed": 2} and values() == [SET, SET]
        host.restore(results.previous())
        assert values() == [untouched, untouched]


def test_what_the_kernel_makes_of_a_small_window_is_right(host: Host) -> None:
    """It takes none below its floor; set again and again, it would be changed in every run."""
    expectation = expecting("listen", tcp={"keepidle": 60, "window_clamp": 100})
    with Child("l = socket.create_server(('127.0.0.1', 0))") as child:
        host.proc.add(child.pid, "a.service")
        assert outcomes(host.live(expectation)) == {"changed": 1}
        assert child.run("answer = l.getsockopt(6, 10)") == WINDOW_CLAMP_FLOOR
        assert outcomes(host.live(expectation)) == {"right": 1}


@pytest.mark.skipif(bool(why_not_at_once()), reason=why_not_at_once())
@pytest.mark.parametrize("least", [1, 1000])
def test_what_nobody_has_accepted_yet_is_set_in_the_queue(
    proc: ShadowProc, tmp_path: pathlib.Path, least: int, untouched: t.List[t.Any]
) -> None:
    """Whoever accepts it has it as it should be, whenever that is; and has it back as it was."""
    host = Host(proc, tmp_path)
    pair = at_once(choose_access("portable"), least)
    host.reader, host.setter = pair.reader, pair.setter
    with Child(LISTENER) as child:
        host.proc.add(child.pid, "a.service")
        place = tuple(child.run("answer = listener.getsockname()"))
        with socket.create_connection(place), socket.create_connection(place):
            results = host.live(expecting("listen"))
            assert outcomes(results) == {"changed": 3}
            assert [group.listening for group in results.previous()] == [True], "the others will have other numbers"
            assert (
                results.diff(0).count(f"pid {child.pid} has it in its queue: accepted 127.0.0.1:{place[1]} from") == 2
            )
            assert child.run(ACCEPT) == SET
            assert outcomes(host.live(expecting("listen"))) == {"right": 3}
            host.restore(results.previous())
            assert child.run("answer = values(accepted[-1])") == untouched, "what was accepted since"
            assert child.run(ACCEPT) == untouched, "what still waited"
