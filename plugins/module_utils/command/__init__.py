# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

The command keepalive-sockets, and how it gets onto a host.
"""
