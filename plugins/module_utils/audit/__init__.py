# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

Every connection of a host against one idle timeout: what would not survive it, and what to do.
"""
