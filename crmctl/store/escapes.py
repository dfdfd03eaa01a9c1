"""Which characters are never written as they are, because a person reading the file could not see them."""

from __future__ import annotations

import re

# Controls, soft hyphen, bidirectional and zero-width characters, line separators YAML and JavaScript break at, tags
# (U+E0000 ...) and non-characters. A joiner between two letters beyond ASCII spells a Persian word or an emoji: it
# stays.
HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    r"\U000e0000-\U000e0fff]"
    r"|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)
