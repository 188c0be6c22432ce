# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real clients of real servers: the same output and exit status with and without, and the options on their sockets."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import pwd
import random
import socket
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest
from csrc_support import CONNECT, LIBRARIES, LISTEN, Result, Run, clean_environment, tool
from debian import libraries, program, unpack
from relay import Options, Relay, read_options

pytestmark = pytest.mark.fetches

ENV = {"TCP_KEEPIDLE": "77", "TCP_KEEPINTVL": "7", "TCP_KEEPCNT": "5"}
OURS = {"SO_KEEPALIVE": 1, "TCP_KEEPIDLE": 77, "TCP_KEEPINTVL": 7, "TCP_KEEPCNT": 5, "TCP_USER_TIMEOUT": 112000}
Server = t.Tuple[str, int]


class Compared(t.NamedTuple):
    """What a client said, which was the same with and without; and its socket's options each time."""

    result: Result
    without: Options
    with_: Options


@pytest.fixture
def compare(preloaded: Run, tmp_path: Path) -> t.Callable[..., Compared]:
    """compare(server, "curl", "http://127.0.0.1:{port}/") runs a client through a relay, with and without."""

    def go(server: Server, *command: str, env: dict[str, str] | None = None, **more: t.Any) -> Compared:
        results, seen = [], []
        for names in ((), (CONNECT,), LIBRARIES):
            relay = Relay(server)
            with contextlib.closing(relay):
                words = [word.replace("{port}", str(relay.port)) for word in command]
                home = {"HOME": str(tmp_path)}
                result = preloaded(*words, with_=names, env=ENV | home | (env or {}), **more)
            assert relay.seen, result
            seen.append(relay.seen[0])
            # The relay's port, in messages, differs anyway.
            texts = (text.replace(str(relay.port), "PORT") for text in (result.out, result.err))
            results.append(Result(result.status, *texts))
        assert results[0] == results[1] == results[2]
        assert seen[1] == seen[2], "the socket library in front changes nothing more"
        return Compared(results[0], seen[0], seen[1])

    return go


def wait_for(port: int, process: subprocess.Popen[t.Any]) -> None:
    """Until a daemon accepts connections."""
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens on port {port}: {process.communicate()}")


@contextlib.contextmanager
def daemon(*command: str | Path, port: int, **more: t.Any) -> t.Iterator[Server]:
    """A server in the foreground, for the time of a test."""
    words = [str(word) for word in command]
    more["env"] = clean_environment() | more.get("env", {})
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more
    )
    try:
        wait_for(port, process)
        yield ("127.0.0.1", port)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def free_port() -> int:
    """Return a port for a daemon, which takes it later: until then nobody is given one that the kernel does not give.

    The tests beside this one have thousands of sockets, whose ports are those of C(ip_local_port_range), ip(7).
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(2048, max(lowest, 4096)), 64):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("none of 64 ports is free")


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files, in the fewest words."""

    protocol_version = "HTTP/1.0"

    def log_message(self, *_args: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return "today"


@pytest.fixture
def web(tmp_path: Path) -> t.Iterator[Server]:
    """A web server; /page is what it has."""
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "page").write_text("hello\n" * 20000)
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield ("127.0.0.1", server.server_port)
        server.shutdown()


PAGE = "hello\n" * 20000
URL = "http://127.0.0.1:{port}/page"


def test_curl(compare: t.Callable[..., Compared], web: Server) -> None:
    """curl has keepalive on and sets 60 s itself before it connects: connect() has the last word."""
    found = compare(web, tool("curl", "curl"), "--silent", "--show-error", "--fail", URL)
    assert found.result == (0, PAGE, "")
    assert found.without["TCP_KEEPIDLE"] == 60
    assert found.with_ == OURS


def test_curl_that_fails(compare: t.Callable[..., Compared], web: Server) -> None:
    found = compare(web, tool("curl", "curl"), "--silent", "--show-error", "--fail", URL + "-is-not-there")
    assert found.result.status == 22 and "404" in found.result.err


def test_python(compare: t.Callable[..., Compared], web: Server) -> None:
    script = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode(), end='')"
    found = compare(web, sys.executable, "-I", "-c", script, URL)
    assert found.result == (0, PAGE, "")
    assert found.without["SO_KEEPALIVE"] == 0
    assert found.with_ == OURS


def test_perl(compare: t.Callable[..., Compared], web: Server) -> None:
    script = (
        "use IO::Socket::INET; my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $ARGV[0]) or die $!;"
        'print $s "GET /page HTTP/1.0\\r\\n\\r\\n"; my @all = <$s>; print grep { /^hello/ } @all;'
    )
    found = compare(web, tool("perl", "perl"), "-e", script, "{port}")
    assert found.result == (0, PAGE, "")
    assert found.without["SO_KEEPALIVE"] == 0
    assert found.with_ == OURS


def test_git_over_http(compare: t.Callable[..., Compared], tmp_path: Path) -> None:
    """A bare repository as files (git's dumb protocol needs no program on the server)."""
    folder = tmp_path / "served"
    git = [tool("git", "git"), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    script = [["init", "--quiet", "work"], ["-C", "work", "commit", "--quiet", "--allow-empty", "-m", "one"],
              ["clone", "--quiet", "--bare", "work", "bare.git"], ["-C", "bare.git", "update-server-info"]]  # fmt: skip
    folder.mkdir()
    for words in script:
        subprocess.run([*git, *words], cwd=folder, check=True, env=clean_environment())
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = compare(("127.0.0.1", server.server_port), git[0], "ls-remote", "http://127.0.0.1:{port}/bare.git")
        server.shutdown()
    assert found.result.status == 0 and found.result.out.count("\tHEAD\n") == 1
    assert found.with_ == OURS


def test_rsync(compare: t.Callable[..., Compared], tmp_path: Path) -> None:
    """Its daemon speaks first."""
    files, config, port = tmp_path / "files", tmp_path / "rsyncd.conf", free_port()
    files.mkdir()
    (files / "one").write_text(PAGE)
    config.write_text(f"use chroot = no\nuid = {os.geteuid()}\ngid = {os.getegid()}\n[files]\npath = {files}\n")
    rsync = tool("rsync", "rsync")
    with daemon(
        rsync, "--daemon", "--no-detach", f"--config={config}", f"--port={port}", "--address=127.0.0.1", port=port
    ) as server:
        found = compare(server, rsync, "--list-only", "rsync://127.0.0.1:{port}/files/")
    assert found.result.status == 0 and "120,000" in found.result.out
    assert found.with_ == OURS


@pytest.mark.slow
def test_java(compare: t.Callable[..., Compared], web: Server, tmp_path: Path) -> None:
    source = tmp_path / "Get.java"
    source.write_text(
        "public class Get { public static void main(String[] a) throws Exception {"
        " new java.net.URL(a[0]).openStream().transferTo(System.out); } }"
    )
    found = compare(web, tool("java", "default-jdk-headless"), "-Xshare:auto", str(source), URL)
    assert found.result.status == 0 and found.result.out == PAGE
    assert found.with_ == OURS


@pytest.mark.slow
def test_node(compare: t.Callable[..., Compared], web: Server) -> None:
    script = "require('http').get(process.argv[1], {agent: false}, r => r.pipe(process.stdout))"
    found = compare(web, tool("node", "nodejs"), "-e", script, URL)
    assert found.result == (0, PAGE, "")
    assert found.with_ == OURS


@pytest.mark.slow
def test_php(compare: t.Callable[..., Compared], web: Server) -> None:
    found = compare(web, tool("php", "php-cli"), "-r", "echo file_get_contents($argv[1]);", URL)
    assert found.result == (0, PAGE, "")
    assert found.with_ == OURS


@pytest.mark.slow
def test_redis(compare: t.Callable[..., Compared], tmp_path: Path) -> None:
    """redis-cli turns keepalive on itself, after connect(): its own timing stays, the user timeout is ours."""
    root, port = unpack(tmp_path, "redis-server"), free_port()
    binary = program(root, "usr/bin/redis-check-rdb")  # of redis-tools: the server by another name
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with daemon(*command, executable=str(binary), port=port) as server:
        found = compare(server, tool("redis-cli", "redis-tools"), "-p", "{port}", "SET", "key", "value")
    assert found.result == (0, "OK\n", "")
    assert found.without["SO_KEEPALIVE"] == 1
    own = {name: found.without[name] for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")}
    assert found.with_ == OURS | own


@contextlib.contextmanager
def owned_by_nobody(folder: Path) -> t.Iterator[list[str]]:
    """The command in front of a daemon that refuses to be root; the folder is made nobody's."""
    if os.geteuid() != 0:
        yield []
        return
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    for parent in folder.parents[:-2]:
        parent.chmod(parent.stat().st_mode | 0o055)  # pytest's folders are for their owner alone
    yield [tool("setpriv", "util-linux"), f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]


@pytest.mark.slow
def test_psql(compare: t.Callable[..., Compared], tmp_path: Path) -> None:
    """libpq turns keepalive on itself and leaves the timing to the system: that is where ours comes in."""
    root, port, home = unpack(tmp_path, "postgresql"), free_port(), tmp_path / "database"
    binaries = program(root, "usr/lib/postgresql/*/bin/postgres").parent
    home.mkdir()
    env = {"LD_LIBRARY_PATH": libraries(root), "PGUSER": "me", "HOME": str(home)}
    with owned_by_nobody(home) as user:
        command = [
            *user,
            str(binaries / "initdb"),
            "--no-sync",
            "--auth=trust",
            "--username=me",
            "-D",
            str(home / "db"),
        ]
        made = subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment() | env)
        assert made.returncode == 0, made.stdout + made.stderr
        options = ["-F", "-h", "127.0.0.1", "-p", str(port), "-k", str(home)]
        with daemon(*user, binaries / "postgres", "-D", home / "db", *options, port=port, env=env) as server:
            query = "SELECT sum(i) FROM generate_series(1, 1000) i"
            words = ["-X", "-h", "127.0.0.1", "-p", "{port}", "-d", "postgres", "-U", "me", "-At", "-c", query]
            found = compare(server, tool("psql", "postgresql-client"), *words)
    assert found.result == (0, "500500\n", "")
    assert found.without["SO_KEEPALIVE"] == 1
    assert found.with_ == OURS


def options_of_accepted(port: int, client: int) -> Options:
    """The options of the server's end of a connection from a client's port, as soon as the server has accepted it."""
    until = time.monotonic() + 10
    while True:
        try:
            return read_options(port, client)
        except AssertionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


@pytest.mark.slow
def test_nginx_as_a_proxy(built: Path, web: Server, tmp_path: Path) -> None:
    """Both sides of one: what it accepts has the options of its listener, what it opens those of connect."""
    root, port = unpack(tmp_path, "nginx-light"), free_port()
    relay = Relay(web)
    config = tmp_path / "nginx.conf"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in kinds)
    config.write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off;\n{temporary}"
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{relay.port}; }} }} }}\n"
    )
    command = [str(program(root, "usr/sbin/nginx")), "-c", str(config), "-e", "stderr"]
    pages, accepted = [], []
    for names in ((), (CONNECT, LISTEN), LIBRARIES):  # the socket library would do what listen has to do here
        env = ENV | {"LD_LIBRARY_PATH": libraries(root), "LD_PRELOAD": " ".join(str(built / name) for name in names)}
        with daemon(*command, port=port, env=env), socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /page HTTP/1.0\r\n")
            accepted.append(options_of_accepted(port, client.getsockname()[1]))
            client.sendall(b"\r\n")
            with client.makefile("rb") as answer:
                pages.append(answer.read().partition(b"\r\n\r\n")[2])
    relay.close()
    assert pages == [PAGE.encode()] * 3
    for without, *with_ in (relay.seen, accepted):
        assert without["SO_KEEPALIVE"] == 0
        assert with_ == [OURS] * 2


@pytest.mark.slow
def test_ssh(compare: t.Callable[..., Compared], tmp_path: Path) -> None:
    """TCPKeepAlive yes, its default, turns keepalive on and leaves the timing to the system."""
    root, port, keygen = unpack(tmp_path, "openssh-server"), free_port(), tool("ssh-keygen", "openssh-client")
    for name in ("host", "user"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    (tmp_path / "authorized").write_text((tmp_path / "user.pub").read_text())
    config = tmp_path / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/authorized\n"
        f"StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nPrintMotd no\nPrintLastLog no\n"
    )
    passwd = tmp_path / "passwd"  # sshd wants a user of its own, which only its package makes
    passwd.write_text(Path("/etc/passwd").read_text() + "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n")
    inside = 'mount --bind "$0" /etc/passwd; mount -t tmpfs none /run; mkdir /run/sshd; exec "$@"'
    sshd = [str(program(root, "usr/sbin/sshd")), "-D", "-e", "-f", str(config)]
    wrapped = [tool("unshare", "util-linux"), "--mount", "/bin/sh", "-c", inside, str(passwd), *sshd]
    if os.geteuid() != 0:
        pytest.skip("sshd lets only root in as somebody")
    with daemon(*wrapped, port=port, env={"LD_LIBRARY_PATH": libraries(root)}) as server:
        options = ["-F", "none", "-i", str(tmp_path / "user"), "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"]
        options += ["-o", "UserKnownHostsFile=/dev/null", "-p", "{port}", "root@127.0.0.1", "echo hello; exit 3"]
        found = compare(server, tool("ssh", "openssh-client"), *options)
    assert found.result == (3, "hello\n", "")
    assert found.with_ == OURS
