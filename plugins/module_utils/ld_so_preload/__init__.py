# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

/etc/ld.so.preload: what it says, what is tried before it is written, and the way back.
"""
