"""Which characters stand for themselves in no record, because a person reading it could not see them.

A list, and not what Python calls printable: that changes with the Unicode tables of each version of Python, and a
record that is valid on one machine has to be valid on all.
"""

from __future__ import annotations

import re

# Controls, soft hyphen, bidirectional and zero-width characters, line separators YAML and JavaScript break at, tags
# (U+E0000 ...) and non-characters. A joiner between two letters beyond ASCII spells a Persian word or an emoji: it
# stays.
_SHOWN_BY_NOBODY = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    r"\U000e0000-\U000e0fff"
)
_LOOSE_JOINER = r"(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"

HIDDEN = re.compile(f"[{_SHOWN_BY_NOBODY}]|{_LOOSE_JOINER}")
"""What files hold as escapes only."""

REFUSED = re.compile(f"[{_SHOWN_BY_NOBODY}\ud800-\udfff]|{_LOOSE_JOINER}")
"""What a value may not hold: the same, and halves of characters."""
