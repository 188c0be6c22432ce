# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

One rollout on a host: its lock, what it has to put back, restarts in order, and how it ended.
"""
