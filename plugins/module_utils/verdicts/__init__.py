# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

Whether the sockets of a unit are right and, if not, why.
"""
