# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

What a host finds out by itself: are the live sockets as the drop-ins there ask? For monitoring, without a controller.
"""
