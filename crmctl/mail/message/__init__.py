"""What a message is made of beside its words: files, invitations, headers, signatures; what it must say."""

from __future__ import annotations
