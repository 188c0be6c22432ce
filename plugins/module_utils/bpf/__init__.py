# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

The options of a unit's sockets, set by a program of a few dozen instructions that the kernel runs for the unit's
cgroup: what it says, where it is attached, and what this host's kernel can do with it. No library is in any process.
"""
