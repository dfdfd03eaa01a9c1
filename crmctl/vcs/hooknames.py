"""The hooks of git's that crmctl steps into."""

from __future__ import annotations

CLONE = (
    "pre-commit",
    "pre-merge-commit",
    "commit-msg",
    "pre-push",
    "post-merge",
    "post-checkout",
    "post-rewrite",
)
"""The hooks of a work tree. git calls pre-merge-commit where a merge goes well, and pre-commit where it does not."""
SERVER = ("pre-receive",)
