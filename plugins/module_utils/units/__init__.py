# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

Units of systemd: what stands in their way, what their drop-ins say, whether a restart is due.
"""
