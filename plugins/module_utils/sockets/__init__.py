# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

TCP sockets of processes: read, set, and compared with what is expected.
"""
