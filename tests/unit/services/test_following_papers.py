"""Steps by letter and by text message: through the same machine as mail, each exactly once, whenever a run dies."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers import following_book as books
from helpers.books import commit

from crmctl.mail.ledger.log import Ledger
from crmctl.services.book import Book
from crmctl.services.campaigns.running import outbox
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.following import enrolling
from crmctl.services.following import followups
from crmctl.services.following import run as runs
from crmctl.services.following.course import Outside
from crmctl.services.following.step_findings import step_findings
from crmctl.services.mailing.config import SmsSpool

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.model.fields import Kind
    from crmctl.services.following.run import Report

MONDAY = "2027-03-01T11:00"
LETTER = "steps:\n- {wait: 0d, what: Card, channel: letter, template: two}\n- {wait: 3d, what: Mail, template: one}\n"
TEXT = "steps:\n- {wait: 0d, what: Reminder, channel: sms, template: text}\n"
REACHED = "phones: ['+49 151 23456700']\naddress: {street: Lane 1, postal_code: '10115', city: Berlin, country: DE}\n"


DEAD = 9


class Killed(BaseException):
    """The process ends here."""


def make(folder: Path, steps: str) -> Path:
    root = books.make(folder, steps)
    people = root / "records" / "customers"
    files = {f"customers/{who}.yaml": (people / f"{who}.yaml").read_text() + REACHED for who in ("kim", "bob")}
    words = "---\nchannel: sms\n---\nSee you, {{ customer.name }}.\n"
    commit(root, {"/templates/text.md": words, **files})
    enrolling.enroll(books.at("2027-03-01T09:00", root), "kim", "welcome")
    return root


def act(root: Path, folder: Path | None = None, moment: str = MONDAY, texts: SmsSpool | None = None) -> Report:
    outside = Outside(books.Told(), books.SERVER, folder=folder, texts=texts)
    return runs.act(books.at(moment, root), outside)


def letters(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith((".", "print-")))


def told(root: Path) -> tuple[list[Any], list[Any]]:
    """The follow-ups, and the types of what stands in the history."""
    index = Book(root).index
    return (
        [what for (what,) in index.rows("SELECT what FROM followups")],
        [type_ for (type_,) in index.rows("SELECT type FROM interactions")],
    )


# Letters


def test_a_letter_is_put_into_the_folder_and_somebody_has_to_post_it(tmp_path: Path) -> None:
    root, folder = make(tmp_path / "book", LETTER), tmp_path / "letters"
    report = act(root, folder)
    assert books.codes(report.decisions) == [("kim", "paper", 1)]
    (letter,) = letters(folder)
    assert letter.name.startswith("kim-")
    assert "Still there, Kim?" in letter.read_text()
    assert letter.stat().st_mode & 0o777 == 0o600
    assert str(letter) in report.decisions[0].reason
    (bound,) = report.bound
    assert bound.parent == folder
    assert "Still there, Kim?" in bound.read_text()
    assert told(root) == (["Post a letter: Card"], ["letter"])
    # The same again puts nothing there, and the next step waits until the letter is in the post.
    assert books.codes(act(root, folder, "2027-03-05T11:00").decisions) == [("kim", "open-task", 2)]
    assert letters(folder) == [letter]
    (handle,) = Book(root).index.rows("SELECT handle FROM followups")[0]
    followups.done(books.at("2027-03-05T12:00", root), handle)
    assert books.codes(act(root, folder, "2027-03-06T11:00").decisions) == [("kim", "not-due", 2)]
    assert books.codes(act(root, folder, "2027-03-08T11:00").decisions) == [("kim", "sent", 2)]


def test_from_cron_nobody_names_a_folder_and_the_letter_waits_in_a_private_one(tmp_path: Path) -> None:
    root = make(tmp_path / "book", LETTER)
    report = act(root)
    folder = Desk(Book(root)).state / "papers"
    assert [path.read_text().count("Still there, Kim?") for path in letters(folder)] == [1]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert str(folder) in report.decisions[0].reason
    assert told(root)[0] == ["Post a letter: Card"]


def test_who_has_no_postal_address_gets_no_letter(tmp_path: Path) -> None:
    root, folder = make(tmp_path / "book", LETTER), tmp_path / "letters"
    path = root / "records" / "customers" / "kim.yaml"
    commit(root, {"customers/kim.yaml": path.read_text().replace(REACHED, "")})
    (decision,) = act(root, folder).decisions
    assert (decision.what, decision.code) == ("hold", "no-address")
    assert "postal address" in decision.reason
    assert not folder.exists()


def _killed(at: int, go: Callable[[], object]) -> bool:
    """Have a process of its own do something, and die before the ``at``-th thing that lasts: a line in the ledger, a
    file moved; whether it died."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == DEAD
    left = [at]

    def wrap(owner: type, name: str) -> None:
        real = getattr(owner, name)

        def dying(self: Any, *arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if not left[0]:
                os._exit(DEAD)
            return real(self, *arguments, **options)

        setattr(owner, name, dying)

    try:
        for owner, name in ((Ledger, "append"), (Ledger, "append_many"), (Path, "replace")):
            wrap(owner, name)
        go()
    finally:
        os._exit(0)


def test_a_run_that_dies_anywhere_hands_over_exactly_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for point in itertools.count(1):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / f"state{point}"))  # Each book is on a machine of its own.
        root, folder = make(tmp_path / f"book{point}", LETTER), tmp_path / f"out{point}"
        died = _killed(point, partial(act, root, folder))
        again = act(root, folder, "2027-03-01T11:05")
        assert again.complete, point
        assert len(letters(folder)) == 1, point
        follow_ups, history = told(root)
        assert (len(follow_ups), len(history)) == (1, 1), point
        states = Counter(row.state for row in Desk(Book(root)).ledger.rows(tolerant=True).values())
        assert states == {"accepted": 1}, point
        assert [path for path in folder.iterdir() if path.name.startswith("print-")], point
        if not died:
            break
    assert point > 8


def test_a_folder_that_went_away_with_a_letter_in_doubt_is_told_and_nothing_is_sent_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, folder = make(tmp_path / "book", LETTER), tmp_path / "letters"
    real = Path.replace

    def dying(self: Path, target: Path) -> Path:
        if Path(target).parent == folder:
            raise Killed
        return real(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", dying)
        with pytest.raises(Killed):
            act(root, folder)
    folder.rename(tmp_path / "elsewhere")
    report = act(root, tmp_path / "other", "2027-03-01T11:05")
    (decision,) = report.decisions
    assert (decision.what, decision.code) == ("hold", "unknown")
    assert not (tmp_path / "other").exists()
    (tmp_path / "elsewhere").rename(folder)
    assert books.codes(act(root, folder, "2027-03-01T11:10").decisions) == [("kim", "paper", 1)]
    assert len(letters(folder)) == 1


# Text messages


def test_a_program_that_texts_takes_the_step_and_nobody_has_to_do_anything(tmp_path: Path) -> None:
    root, spool = make(tmp_path / "book", TEXT), tmp_path / "spool"
    spool.mkdir()
    report = act(root, tmp_path / "letters", texts=SmsSpool("gammu", str(spool)))
    assert books.codes(report.decisions) == [("kim", "sent", 1)]
    (message,) = letters(spool)
    assert message.name.startswith("OUTA20270301_")
    assert "+4915123456700" in message.name
    assert message.read_text() == "See you, Kim."
    assert told(root) == ([], ["message"])
    assert books.one(root).state == "finished"
    assert not (tmp_path / "letters").exists()


def test_without_such_a_program_somebody_types_it(tmp_path: Path) -> None:
    root, folder = make(tmp_path / "book", TEXT), tmp_path / "texts"
    assert books.codes(act(root, folder).decisions) == [("kim", "paper", 1)]
    (message,) = letters(folder)
    assert message.read_text() == "To: +4915123456700\n\nSee you, Kim.\n"
    assert told(root) == (["Send an SMS: Reminder"], ["message"])


def test_no_telephone_rings_at_night(tmp_path: Path) -> None:
    root, folder = make(tmp_path / "book", TEXT), tmp_path / "texts"
    (decision,) = act(root, folder, "2027-03-01T22:30").decisions
    assert (decision.what, decision.code) == ("wait", "window")
    assert f"{decision.until:%Y-%m-%d %H:%M}" == "2027-03-02 08:00"
    assert books.codes(act(root, folder, "2027-03-02T08:05").decisions) == [("kim", "paper", 1)]


def test_a_spool_that_is_not_there_is_told_and_the_next_run_goes_on(tmp_path: Path) -> None:
    root, spool = make(tmp_path / "book", TEXT), tmp_path / "spool"
    texts = SmsSpool("smstools", str(spool))
    report = act(root, texts=texts)
    (decision,) = report.decisions
    assert (decision.what, report.news, report.complete) == ("wait", [decision], False)
    assert str(spool) in decision.reason
    again = act(root, texts=texts, moment="2027-03-01T11:01")
    assert (again.news, again.complete) == ([], False)  # Cron need not be told twice.
    spool.mkdir()
    assert books.codes(act(root, texts=texts, moment="2027-03-01T11:05").decisions) == [("kim", "sent", 1)]
    assert len(letters(spool)) == 1


def test_a_text_message_that_wants_to_be_read_first_is_held_and_not_just_sent(tmp_path: Path) -> None:
    root, spool = make(tmp_path / "book", TEXT.replace("}\n", ", approval: draft}\n")), tmp_path / "spool"
    spool.mkdir()
    (decision,) = act(root, texts=SmsSpool("gammu", str(spool))).decisions
    assert (decision.what, decision.code) == ("hold", "draft")
    assert letters(spool) == []
    found = [finding.code for finding in step_findings(Book(root).index.data(*_welcome(root)) or {})]
    assert found == ["no-draft"]


def _welcome(root: Path) -> tuple[Kind, str]:
    return Book(root).schema.require("sequence"), "welcome"


# Calls


def test_what_is_to_be_said_on_the_phone_stands_in_the_follow_up(tmp_path: Path) -> None:
    steps = "steps:\n- {wait: 0d, what: Ring them, channel: phone, template: two}\n"
    root = make(tmp_path / "book", steps)
    assert books.codes(act(root).decisions) == [("kim", "task", 1)]
    own = Book(root)
    (handle,) = own.index.rows("SELECT handle FROM followups")[0]
    data = own.index.data(own.schema.require("followup"), handle) or {}
    assert (data["what"], data["notes"]) == ("Call: Ring them", "Still there, Kim?")
    assert told(root)[1] == []


# Several ways in one sequence


def test_letters_and_text_messages_of_one_sequence_keep_out_of_each_others_way(tmp_path: Path) -> None:
    both = f"{TEXT}- {{wait: 1d, what: Card, channel: letter, template: two}}\n"
    root, spool, folder = make(tmp_path / "book", both), tmp_path / "spool", tmp_path / "letters"
    spool.mkdir()
    texts = SmsSpool("gammu", str(spool))
    assert books.codes(act(root, folder, texts=texts).decisions) == [("kim", "sent", 1)]
    enrolling.enroll(books.at("2027-03-02T10:00", root), "bob", "welcome")
    found = books.codes(act(root, folder, "2027-03-02T11:30", texts).decisions)
    assert sorted(found) == [("bob", "sent", 1), ("kim", "paper", 2)]
    assert (len(letters(spool)), len(letters(folder))) == (2, 1)


def test_a_step_that_was_tried_one_way_does_not_go_out_by_another(tmp_path: Path) -> None:
    root = make(tmp_path / "book", "steps:\n- {wait: 0d, what: Mail, template: one}\n")
    assert books.codes(books.act(root, MONDAY, books.Told(kim=books.LOST)).decisions) == [("kim", "unknown", 1)]
    sequence = root / "records" / "sequences" / "welcome.yaml"
    changed = sequence.read_text().replace("template: one", "template: two, channel: letter")
    commit(root, {"sequences/welcome.yaml": changed})
    enrolling.migrate(books.at(MONDAY, root), "welcome")
    (decision,) = act(root, tmp_path / "letters", "2027-03-02T11:00").decisions
    assert (decision.what, decision.code) == ("hold", "changed")
    assert not (tmp_path / "letters").exists()
    (send,) = outbox.sends(Book(root))
    outbox.resolve(Book(root), send.row.sid, "abandoned", "nobody knows")
    assert books.codes(act(root, tmp_path / "letters", "2027-03-02T12:00").decisions) == [("kim", "skip", 1)]
