# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

The values on sockets that are open now: what to change, what was there before, and who has set it.
"""
