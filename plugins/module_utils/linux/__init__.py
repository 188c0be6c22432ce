# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

What the kernel, the files of a host and systemd say, and how root goes about them. Knows nothing of keepalive.
"""

from .zipped import compile_once

compile_once()  # here, because nothing of ours is imported before its lowest room
