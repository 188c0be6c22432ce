# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The relay reads the socket of its own client, and no other one."""

from __future__ import annotations

import contextlib
import socket

from relay import Relay


def connect(stack: contextlib.ExitStack, server: socket.socket, port: int = 0) -> socket.socket:
    """Connect from a port, which several connections may have: the kernel tells them apart by their other end."""
    one = stack.enter_context(socket.socket())
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", port))
    one.connect(server.getsockname())
    return one


def test_another_socket_with_the_port_of_its_client_is_not_taken_for_it() -> None:
    with contextlib.ExitStack() as stack:
        server, other = (stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _time in range(2))
        relay = stack.enter_context(contextlib.closing(Relay(server.getsockname())))
        before = connect(stack, other)
        before.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77)
        client = connect(stack, relay.listener, before.getsockname()[1])
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 99)
        assert client.getsockname() == before.getsockname()
        client.sendall(b"hello")
        passed_on = stack.enter_context(server.accept()[0])
        assert passed_on.recv(5) == b"hello"
        assert [seen["TCP_KEEPIDLE"] for seen in relay.seen] == [99]
        client.shutdown(socket.SHUT_RDWR)
