"""Every message of a campaign is proved, the first ones by all readers; none goes out that says something else."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from helpers.books import write

from crmctl import clock
from crmctl.mail.message.compose import compose
from crmctl.mail.message.verify import verify
from crmctl.services.book import Book
from crmctl.services.campaigns import preview as campaigns
from crmctl.services.campaigns.messages import rendering

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.mail.message.compose import Meant

COUNT = rendering.READ_TWICE + 5


@pytest.fixture
def book(book_dir: Path) -> Book:
    clock.freeze(datetime.fromisoformat("2026-03-02T10:00:00+01:00"))
    files = {
        "/crm.yaml": "name: Test\ncurrency: EUR\nemail: hello@example.com\npurposes: {service: contract}\n",
        "/templates/t.md": "---\nsubject: For {{ customer.name }}\n---\nDear *{{ customer.name }}*,\n",
        "segments/s.yaml": 'name: S\nfilter: "name:*"\n',
        "campaigns/c.yaml": "name: C\nid: 01C\npurpose: service\nsegment: s\ntemplate: t\nowner: mia\n",
        "members/mia.yaml": "name: Mia Meyer\nemail: mia@example.com\n",
    }
    for number in range(COUNT):
        files[f"customers/p{number:02}.yaml"] = (
            f"id: 01-{number}\nname: Person {number}\nemails: [p{number}@example.org]\nlifecycle: customer\n"
        )
    write(book_dir, files)
    return Book(book_dir)


def test_the_first_messages_are_read_by_all_readers(
    book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def counting(data: bytes, meant: Meant, *, twice: bool = False) -> list[str]:
        seen.append(twice)
        return verify(data, meant, twice=twice)

    monkeypatch.setattr(rendering, "verify", counting)
    done = campaigns.preview(book, "c", tmp_path / "out")
    assert done.failed == []
    assert seen == [True] * rendering.READ_TWICE + [False] * 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"MIME-Version", b"Bcc: eve@z.example\r\nMIME-Version"),
        (b"Dear", b"Deer"),
        (b"@example.org>", b"@example.net>"),
    ],
)
def test_no_message_goes_out_that_is_not_as_meant(
    book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes
) -> None:
    monkeypatch.setattr(rendering, "compose", lambda meant: compose(meant).replace(old, new, 1))
    done = campaigns.preview(book, "c", tmp_path / "out")
    assert done.files == []
    assert {person.code for person in done.failed} == {"refused"}
    assert len(done.failed) == COUNT
