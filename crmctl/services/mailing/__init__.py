"""The user's own mail: which server, which mailbox, which machine this is; kept out of every book."""

from __future__ import annotations
