"""Drafts: what is edited is what goes out, as a whole message, with everything that travels with it."""

from __future__ import annotations

import json
from email import message_from_bytes
from email import policy
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book
from helpers import following_book as books
from helpers.books import git

from crmctl.errors import InvalidData
from crmctl.services.book import Book
from crmctl.services.following import drafts
from crmctl.services.following import enrolling
from crmctl.services.following import pinning

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import EmailMessage
    from pathlib import Path

    from conftest import Run

MONDAY = "2027-03-01T09:00"
STEPS = "steps:\n- {wait: 0d, what: A, template: one, approval: draft}\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
FULL = """\
---
subject: An evening for {{ customer.name }}
attachments: [programme.txt, "tickets/{{ customer.handle }}.txt"]
images: {logo: logo.png}
invitation:
  starts: 2027-03-12 19:00
  minutes: 90
  summary: Evening with {{ customer.name }}
---
![Logo](cid:logo)

Dear **{{ customer.name }}**, see [us](https://example.com/?who={{ customer.name }}).
"""


def make(folder: Path, template: str, name: str = "Kim", ending: str = "md", files: Mapping[str, bytes] = {}) -> Path:
    """A book whose first step is a draft of ``template``, for a customer who is called ``name``."""
    root = books.make(folder, STEPS)
    (root / "templates/one.md").unlink()
    (root / f"templates/one.{ending}").write_text(template, encoding="utf-8")
    path = root / "records/customers/kim.yaml"
    path.write_text(path.read_text().replace("name: Kim", f"name: {json.dumps(name)}"), encoding="utf-8")
    for place, data in files.items():
        target = root / "attachments" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "by hand")
    enrolling.enroll(books.at(MONDAY, root), "kim", "welcome")
    return root


def full(folder: Path) -> Path:
    files = {"programme.txt": b"Eight o'clock\n", "tickets/kim.txt": b"Seat 1\n", "logo.png": PNG}
    return make(folder, FULL, files=files)


def drafted(root: Path) -> Path:
    report = books.act(root, MONDAY)
    assert books.codes(report.decisions) == [("kim", "draft", 1)], report
    (draft,) = drafts.every(Book(root))
    return draft.path


def released(root: Path) -> EmailMessage:
    drafts.release(Book(root), "kim")
    told = books.Told()
    report = books.act(root, "2027-03-01T10:00", told)
    assert books.codes(report.decisions) == [("kim", "sent", 1)], report
    assert drafts.every(Book(root)) == []
    return message_from_bytes(told.data[0], policy=policy.default)


def body(message: EmailMessage, form: str) -> str:
    part = message.get_body((form,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_released_draft_is_the_whole_message(tmp_path: Path) -> None:
    pytest.importorskip("icalendar")
    root = full(tmp_path / "book")
    path = drafted(root)
    assert path.suffixes[-2:] == [".draft", ".md"]
    text = path.read_text()
    assert "tickets/kim.txt" in text
    assert "Dear **Kim**, see [us](https://example.com/?who=Kim)." in text
    path.write_text(text.replace("Dear **Kim**", "Dear **old** friend"))
    message = released(root)
    assert message["Subject"] == "An evening for Kim"
    assert "Dear *old* friend, see us (https://example.com/?who=Kim)." in body(message, "plain")
    html = body(message, "html")
    assert "Dear <strong>old</strong> friend" in html
    image = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert f'src="cid:{image["Content-ID"][1:-1]}"' in html
    files = {part.get_filename(): part.get_content() for part in message.iter_attachments() if part.get_filename()}
    assert files["programme.txt"] == "Eight o'clock\n"
    assert files["kim.txt"] == "Seat 1\n"
    calendar = next(part for part in message.walk() if part.get_content_type() == "text/calendar")
    assert "SUMMARY:Evening with Kim" in str(calendar.get_content())


HARD = [
    "*Kim* _of_ <b>Kent</b>",
    "# Kim & Co. `x` [y](http://evil.example)",
    "1. Kim | \\ {{ 7 * 7 }} {% if %} &copy; ~~",
    "- Kim --- {#x#}",
]


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("ending", ["md", "html", "txt"])
def test_a_draft_that_nobody_edited_says_what_the_template_says(
    tmp_path: Path, name: str, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {
        "md": "Dear\n{{ customer.name }}, [see](https://example.com/{{ customer.name }}) and *{{ customer.name }}*.\n",
        "html": '<p>{{ customer.name }}, <a href="https://example.com/{{ customer.name }}">see</a>.</p>\n',
        "txt": "Dear\n{{ customer.name }}.\n",
    }[ending]
    template = f"---\nsubject: To {{{{ customer.name }}}}\n---\n{source}"
    first = make(tmp_path / "first", template, name, ending)
    drafted(first)
    message = released(first)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))
    second = make(tmp_path / "second", template, name, ending)
    path = second / "records/enrolments"
    (record,) = path.iterdir()
    record.write_text(record.read_text().replace("approval: draft", "approval: auto"))
    git(second, "commit", "-qam", "by hand")
    told = books.Told()
    books.act(second, "2027-03-01T10:00", told)
    plain: EmailMessage = message_from_bytes(told.data[0], policy=policy.default)
    assert message["Subject"] == plain["Subject"] == f"To {name}"
    assert body(message, "plain") == body(plain, "plain")
    if ending != "txt":
        assert body(message, "html") == body(plain, "html")


def test_a_draft_goes_out_though_its_template_is_gone(tmp_path: Path) -> None:
    root = make(tmp_path / "book", "---\nsubject: A\n---\nOne\n")
    drafted(root)
    (root / "templates/one.md").unlink()
    git(root, "commit", "-qam", "by hand")
    assert body(released(root), "plain") == "One\n"


def test_a_text_of_its_own_gives_way_to_what_was_edited(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", STEPS)
    (root / "templates/one.md").write_text("---\nsubject: A\ntext: own.txt\n---\nOne\n")
    (root / "templates/own.txt").write_text("Another\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "by hand")
    enrolling.enroll(books.at(MONDAY, root), "kim", "welcome")
    path = drafted(root)
    path.write_text(path.read_text().replace("One", "Edited"))
    assert body(released(root), "plain") == "Edited\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("---\nsubject: A\n---\n\n", "is no message"),
        ("Dear Kim\n", "is no message"),
        ("---\nsubject: A\npurpose: service\n---\nB\n", "a draft cannot say 'purpose'"),
        ("---\nsubject: A\nB\n", "the front matter does not end"),
    ],
)
def test_what_is_no_message_is_not_released(tmp_path: Path, text: str, words: str) -> None:
    root = make(tmp_path / "book", "---\nsubject: A\n---\nOne\n")
    path = drafted(root)
    path.write_text(text)
    with pytest.raises(InvalidData, match=words):
        drafts.release(Book(root), "kim")
    assert not any(one.released for one in drafts.every(Book(root)))


def test_a_file_that_is_gone_holds_the_draft_up_with_words(tmp_path: Path) -> None:
    root = make(tmp_path / "book", "---\nsubject: A\nattachments: [a.txt]\n---\nOne\n", files={"a.txt": b"A"})
    drafted(root)
    (root / "attachments/a.txt").unlink()
    git(root, "commit", "-qam", "by hand")
    drafts.release(Book(root), "kim")
    told = books.Told()
    (decision,) = books.act(root, "2027-03-01T10:00", told).decisions
    assert (decision.what, told.sent) == ("hold", [])
    assert "attachments/a.txt" in decision.reason


def two_steps(root: Path, first: str) -> None:
    path = root / "records/sequences/welcome.yaml"
    path.write_text(path.read_text().partition("steps:")[0] + f"sender: {pinning.here(Book(root))}\n" + first)
    git(root, "commit", "-qam", "by hand")


def test_a_draft_in_a_thread_shows_the_subject_that_goes_out(tmp_path: Path) -> None:
    steps = (
        "steps:\n- {wait: 0d, what: A, template: one}\n"
        '- {wait: 1d, what: B, template: two, approval: draft, thread: "yes"}\n'
    )
    root = books.make(tmp_path / "book", steps)
    enrolling.enroll(books.at(MONDAY, root), "kim", "welcome")
    told = books.Told()
    books.act(root, MONDAY, told)
    books.act(root, "2027-03-02T09:00", told)
    (draft,) = drafts.every(Book(root))
    text = draft.path.read_text()
    assert 'subject: "Re: Hello Kim"\n' in text
    draft.path.write_text(text.replace("Re: Hello Kim", "What I wanted to add"))
    drafts.release(Book(root), "kim")
    books.act(root, "2027-03-02T10:00", told)
    first, second = (message_from_bytes(data, policy=policy.default) for data in told.data)
    assert (second["Subject"], second["In-Reply-To"]) == ("What I wanted to add", first["Message-ID"])


@pytest.mark.parametrize("let_go", [False, True])
def test_a_draft_of_a_step_that_was_changed_since_is_made_anew(tmp_path: Path, *, let_go: bool) -> None:
    root = make(tmp_path / "book", "---\nsubject: One\n---\nOne\n")
    drafted(root)
    if let_go:
        drafts.release(Book(root), "kim")
    two_steps(root, "steps:\n- {wait: 0d, what: A, template: two, approval: draft}\n")
    enrolling.migrate(books.at(MONDAY, root), "welcome")
    assert drafts.every(Book(root)) == []
    told = books.Told()
    report = books.act(root, "2027-03-01T10:00", told)
    assert books.codes(report.decisions) == [("kim", "draft", 1)]
    assert (told.sent, [note for note in report.notes if "was changed since" in note] != []) == ([], True)
    (draft,) = drafts.every(Book(root))
    assert "Still there" in draft.path.read_text()
    assert len(list(drafts.folder(Book(root)).iterdir())) == 1


def test_drafts_of_what_is_over_are_taken_away(tmp_path: Path) -> None:
    root = make(tmp_path / "book", "---\nsubject: One\n---\nOne\n")
    path = drafted(root)
    (record,) = (root / "records/enrolments").iterdir()
    text = record.read_text()
    record.write_text("steps: [broken\n")
    git(root, "commit", "-qam", "by hand")
    books.act(root, MONDAY)
    assert path.exists()  # Nobody knows of what it is.
    record.write_text(text)
    two_steps(root, "steps:\n- {wait: 0d, what: A, template: one, approval: draft, when: 'name:nobody'}\n")
    enrolling.migrate(books.at(MONDAY, root), "welcome")
    books.act(root, "2027-03-01T10:00")
    books.act(root, "2027-03-01T10:05")
    assert not path.exists()


@pytest.mark.parametrize(
    ("front", "words"),
    [
        ("subject: A\nattachments: [/etc/passwd]", "in no folder that config.yaml allows"),
        ("subject: A\nattachments: [../crm.yaml]", "an attachment cannot be at '../crm.yaml'"),
        ("subject: A\nkind: nonsense", "kind 'nonsense' is not one of"),
        ("subject: 'Re: A'", "says that it answers something"),
    ],
)
def test_a_draft_of_which_no_message_can_be_made_is_not_released(
    tmp_path: Path, run: Run, front: str, words: str
) -> None:
    root = make(tmp_path / "book", "---\nsubject: One\n---\nOne\n")
    path = drafted(root)
    path.write_text(f"---\n{front}\n---\nText\n")
    campaign_book.configure(25)
    found = run("-C", root, "followup", "release", "kim")
    assert (found.code, words in found.err, str(path) in found.err) == (4, True, True)
    assert "templates/draft" not in found.err
    assert path.exists()
    path.write_text("---\nsubject: A\n---\nText\n")
    assert run("-C", root, "followup", "release", "kim").code == 0


def test_a_released_draft_that_was_broken_since_is_held_with_words_about_it(tmp_path: Path) -> None:
    root = make(tmp_path / "book", "---\nsubject: One\n---\nOne\n")
    drafted(root)
    (one,) = drafts.release(Book(root), "kim")
    one.path.write_text("---\nsubject: A\nstyle: none.css\n---\nText\n")
    told = books.Told()
    (decision,) = books.act(root, "2027-03-01T10:00", told).decisions
    assert (decision.what, told.sent) == ("hold", [])
    assert decision.reason == "the draft: there is no templates/none.css; crmctl followup release names its file"
