"""What the front matter of a template says beside its subject: its kind, parts of its own, and what travels with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

MARKETING, TRANSACTIONAL = "marketing", "transactional"
KINDS = (MARKETING, TRANSACTIONAL, "mixed")
"""Mixed content counts as marketing: 16 CFR 316.3 goes by what a reader would take it for."""

KEYS = ("kind", "text", "style", "attachments", "images", "invitation")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}\Z")
_INVITATION = (
    "starts",
    "ends",
    "minutes",
    "summary",
    "location",
    "description",
    "sequence",
    "updates",
    "method",
)
METHODS = ("request", "cancel")
"""What an invitation may ask of a calendar, as in RFC 5546."""
_HANDLE = re.compile(r"[\w-]{1,200}\Z")
_MOST = 20


class Enclosed(NamedTuple):
    """``kind`` is marketing, transactional or "" (the purpose decides). ``text`` and ``style`` are files in
    ``templates/``. ``images`` maps the name after ``cid:`` to a path. Paths, and the values of ``invitation``, may hold
    what a template may hold."""

    kind: str = ""
    text: str = ""
    style: str = ""
    attachments: tuple[str, ...] = ()
    images: Mapping[str, str] = {}
    invitation: Mapping[str, str] = {}

    @property
    def fields(self) -> dict[str, str]:
        """Everything that is rendered for each recipient, by a name of its own."""
        found = {f"attachments.{number}": path for number, path in enumerate(self.attachments)}
        found |= {f"images.{name}": path for name, path in self.images.items()}
        return found | {f"invitation.{name}": value for name, value in self.invitation.items()}


def read(raw: RawMap, wrong: Callable[[str, str], None]) -> Enclosed:
    """What ``raw`` says; ``wrong`` is told the key and the words for everything that cannot be used."""
    kind = _text(raw, "kind", wrong).lower()
    if kind and kind not in KINDS:
        wrong("kind", f"kind {kind!r} is not one of {', '.join(KINDS)}")
    names = {}
    for key, ending in (("text", ".txt"), ("style", ".css")):
        name = _text(raw, key, wrong)
        if name and not (_FILE.match(name) and name.endswith(ending)):
            wrong(key, f"{key} is the name of a file in templates/ that ends in {ending}, not {name!r}")
        names[key] = name
    return Enclosed(
        kind=MARKETING if kind == "mixed" else kind,
        attachments=tuple(_paths(raw.get("attachments", ""), "attachments", wrong)),
        images=_images(raw.get("images", ""), wrong),
        invitation=_invitation(raw.get("invitation", ""), wrong),
        **names,
    )


def _text(raw: RawMap, key: str, wrong: Callable[[str, str], None]) -> str:
    value = raw.get(key, "")
    if isinstance(value, str):
        return value.strip()
    wrong(key, f"{key} is one text, not several")
    return ""


def _paths(value: Raw, key: str, wrong: Callable[[str, str], None]) -> list[str]:
    items = value if isinstance(value, list) else [value]
    paths = [item.strip() for item in items if isinstance(item, str) and item.strip()]
    if isinstance(value, dict) or (isinstance(value, list) and len(paths) != len(value)):
        wrong(key, f"{key} is a list of files")
    elif len(paths) > _MOST:
        wrong(key, f"{key} has {len(paths)} files, and {_MOST} may go with a message")
    elif len({*paths}) != len(paths):
        wrong(key, f"{key} names a file twice")
    return paths


def _images(value: Raw, wrong: Callable[[str, str], None]) -> dict[str, str]:
    """Images by the name that ``cid:`` has; a list of paths is one of their own names."""
    if isinstance(value, dict):
        found = {str(name): path.strip() for name, path in value.items() if isinstance(path, str) and path.strip()}
        if len(found) != len(value):
            wrong("images", "images are lines of name: path")
    else:
        paths = _paths(value, "images", wrong)
        found = {path.rpartition("/")[2]: path for path in paths}
        if len(found) != len(paths):
            wrong("images", "two images have the same name; write name: path")
    for name in found:
        if not _IMAGE.match(name):
            wrong("images", f"{name!r} is no name for an image (write logo: path/to/logo.png)")
    return found


def _invitation(value: Raw, wrong: Callable[[str, str], None]) -> dict[str, str]:
    if not isinstance(value, dict):
        if value:
            wrong("invitation", "invitation is lines such as starts: 2026-03-01 14:00")
        return {}
    found: dict[str, str] = {}
    for name, text in value.items():
        if name not in _INVITATION:
            wrong("invitation", f"invitation has no {name!r} (there are {', '.join(_INVITATION)})")
        elif not isinstance(text, str) or not text.strip():
            wrong("invitation", f"invitation: {name} is one text")
        else:
            found[name] = text.strip()
    lacking = [name for name in ("starts", "summary") if name not in found]
    if lacking:
        wrong("invitation", f"invitation lacks {' and '.join(lacking)}")
    if ("ends" in found) == ("minutes" in found):
        wrong("invitation", "invitation says either when it ends or how many minutes it takes")
    for words in _change_faults(found):
        wrong("invitation", words)
    return found


def _change_faults(said: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with an invitation as a change of another; these words are the same for every recipient."""
    method, updates = said.get("method", "request").lower(), said.get("updates", "")
    if method not in METHODS:
        yield f"invitation: method is request or cancel, not {method!r}"
    elif method == "cancel" and not updates:
        yield "invitation: what is cancelled is said by updates: CAMPAIGN"
    if updates and not _HANDLE.match(updates):
        yield f"invitation: updates is the handle of a campaign, not {updates!r}"
