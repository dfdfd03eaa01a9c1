"""The same mail read in two clones on different days: joining them asks no question and files nothing twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.books import commit
from helpers.books import git

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

FIRST, SECOND = "2026-11-22T10:00", "2026-11-25T18:00"
CONSENT = "consent:\n  newsletter:\n    state: granted\n    date: 2026-01-01\n"


@pytest.fixture
def clones(book_dir: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two clones of one book with three customers, two of whom share an address."""
    commit(
        book_dir,
        {
            "customers/ada.yaml": f"id: 01JC0000000000000000000ADA\nname: Ada\nemails: [ada@example.com]\n{CONSENT}",
            "customers/bob.yaml": "id: 01JC0000000000000000000B0B\nname: Bob\nemails: [info@firm.example]\n",
            "customers/cyd.yaml": "id: 01JC0000000000000000000CYD\nname: Cyd\nemails: [info@firm.example]\n",
        },
    )
    middle = tmp_path / "middle.git"
    git(tmp_path, "clone", "-q", "--bare", str(book_dir), str(middle))
    for name in ("one", "two"):
        git(tmp_path, "clone", "-q", str(middle), str(tmp_path / name))
    return tmp_path / "one", tmp_path / "two"


def mail(body: str = "Hello", **headers: str) -> bytes:
    given = {"From": "ada@example.com", "To": "us@shop.example", "Subject": "Hi", "Message-ID": "<1@example.com>"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    return ("".join(f"{name}: {value}\n" for name, value in given.items() if value) + f"\n{body}\n").encode()


def both_read(run: Run, clones: tuple[Path, Path], first: list[bytes], second: list[bytes]) -> None:
    """Have each clone read its mails on a day of its own, and join them."""
    for root, now, mails in zip(clones, (FIRST, SECOND), (first, second), strict=True):
        for number, data in enumerate(mails):
            file = root.parent / f"{root.name}{number}.eml"
            file.write_bytes(data)
            done = run("-C", root, "--now", now, "ingest", "message", file)
            assert done.code == 0, done.err
    for root in (*clones, clones[0]):
        done = run("-C", root, "--now", SECOND, "sync")
        assert done.code == 0, done.err + run("-C", root, "conflicts").out
    heads = {git(root, "rev-parse", "HEAD^{tree}") for root in clones}
    assert len(heads) == 1
    assert run("-C", clones[0], "conflict", "list").out.strip() in ("", "0 conflicts")
    assert run("-C", clones[0], "check").code == 0


def history(root: Path, customer: str = "ada") -> list[dict[str, Any]]:
    path = root / f"records/interactions/{customer}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize(
    "data",
    [
        mail(),
        mail(Message_ID=""),
        mail(Date="yesterday"),
        mail(Date="Mon, 23 Nov 2026 08:00:00 +0000", Received="from a; Sat, 21 Nov 2026 10:00:00 +0000"),
        mail("STOP"),
        mail(From="info@firm.example"),
        mail("I am away.", Auto_Submitted="auto-replied"),
        mail("I have left the company.", Auto_Submitted="auto-replied"),
    ],
    ids=["reply", "without an id", "unreadable", "ahead", "opt-out", "unclear", "absent", "left"],
)
def test_mail_that_does_not_say_when(run: Run, clones: tuple[Path, Path], data: bytes) -> None:
    both_read(run, clones, [data], [data])
    assert len(history(clones[0])) == (0 if b"firm" in data else 1)


def test_an_identifier_that_is_used_twice(run: Run, clones: tuple[Path, Path]) -> None:
    one = mail("The first.", Date="Fri, 20 Nov 2026 10:00:00 +0000")
    other = mail("Another.", Date="Sat, 21 Nov 2026 10:00:00 +0000")
    both_read(run, clones, [one, other], [other, one])
    assert [entry["text"] for entry in history(clones[0])] == ["Hi\n\nThe first.", "Hi\n\nAnother."]


def test_a_message_and_its_copy_from_a_mailing_list(run: Run, clones: tuple[Path, Path]) -> None:
    direct = mail("Hello all", Date="Fri, 20 Nov 2026 10:00:00 +0000")
    listed = mail(
        "Hello all\n\nPlease read the rules of this list\nhttps://list.example/rules",
        Date="Fri, 20 Nov 2026 10:00:00 +0000",
        Subject="[list] Hi",
        Received="from list.example by us; Fri, 20 Nov 2026 10:05:00 +0000",
    )
    both_read(run, clones, [direct, listed], [direct, listed])
    assert [entry["text"] for entry in history(clones[0])] == ["Hi\n\nHello all"]


DATE = "Fri, 20 Nov 2026 10:00:00 +0000"
LISTED = {
    "Date": DATE,
    "Subject": "[list] Hi",
    "To": "list@list.example, us@shop.example",
    "Delivered_To": "us@shop.example",
    "List_Id": "<list.list.example>",
    "List_Post": "<mailto:list@list.example>",
    "List_Unsubscribe": "<https://list.example/leave>",
    "Precedence": "list",
}
TO_BOTH = {name: LISTED[name] for name in ("Date", "To", "Delivered_To")}


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    "footer",
    [
        "_______________________________________________\nlist mailing list\nhttps://list.example/",
        "-- \nYou get this because you are on the list. To leave it, write to leave@list.example.",
    ],
    ids=["mailman", "groups"],
)
def test_two_clones_that_file_different_copies_of_one_mail_make_one_entry(
    run: Run, clones: tuple[Path, Path], footer: str, first: int
) -> None:
    copies = [mail("Hello all", **TO_BOTH), mail(f"Hello all\n\n{footer}", **LISTED)]
    both_read(run, clones, [copies[first]], [copies[1 - first]])
    (entry,) = history(clones[0])
    assert (entry["text"], entry["type"]) == ("Hi\n\nHello all", "email")


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    "listed",
    [
        mail("Hello all\n\nPlease read the rules of this list", **LISTED),
        mail("Read the rules of this list.\n\nHello all", **{**LISTED, "Subject": "Re: {list} Hi"}),
        mail("Hello all\n\nThe rules of this list", **{**LISTED, "List_Post": "", "To": "list@list.example"}),
    ],
    ids=["a footer like any text", "a line above it", "what went to many"],
)
def test_a_copy_that_cannot_be_told_is_taken_away_by_the_next_run(
    run: Run, clones: tuple[Path, Path], listed: bytes, first: int
) -> None:
    copies = [mail("Hello all", **TO_BOTH), listed]
    both_read(run, clones, [copies[first]], [copies[1 - first]])
    assert len(history(clones[0])) == 2
    for root in clones:  # Each clone takes the same one away, and again nobody is asked.
        file = root.parent / "stranger.eml"
        file.write_bytes(mail(From="who@else.example", Message_ID="<2@else.example>"))
        done = run("-C", root, "--now", SECOND, "ingest", "message", file)
        assert "1 second copy taken away" in done.err
    for root in (*clones, clones[0]):
        assert run("-C", root, "--now", SECOND, "sync").code == 0
    for root in clones:
        assert [(entry["text"], entry["type"]) for entry in history(root)] == [("Hi\n\nHello all", "email")]
    done = run("-C", clones[0], "--now", SECOND, "ingest", "message", file, "--again")
    assert "taken away" not in done.err


def test_a_copy_that_somebody_wrote_into_stays(run: Run, clones: tuple[Path, Path]) -> None:
    both_read(run, clones, [mail("Hello", **TO_BOTH)], [mail("Hello\n\nThe rules of this list", **LISTED)])
    (_, noted) = history(clones[0])
    assert run("-C", clones[0], "interaction", "set", noted["id"], "tags=important").code == 0
    file = clones[0].parent / "stranger.eml"
    file.write_bytes(mail(From="who@else.example", Message_ID="<2@else.example>"))
    done = run("-C", clones[0], "--now", SECOND, "ingest", "message", file)
    assert (done.code, len(history(clones[0]))) == (0, 2)


def test_the_same_identifier_for_two_mails_of_one_second_is_no_question(run: Run, clones: tuple[Path, Path]) -> None:
    both_read(run, clones, [mail("Yes, please.", Date=DATE)], [mail("No, thanks.", Date=DATE)])
    assert sorted(entry["text"] for entry in history(clones[0])) == ["Hi\n\nNo, thanks.", "Hi\n\nYes, please."]


@pytest.mark.parametrize("first", [0, 1])
def test_follow_ups_of_different_copies_are_no_question(run: Run, clones: tuple[Path, Path], first: int) -> None:
    words = "I think we should talk about opt-out rules one day, and about the newsletter."
    copies = [mail(words, **TO_BOTH), mail(words, **{**LISTED, "Subject": "Re: {list} Hi"})]
    both_read(run, clones, [copies[first]], [copies[1 - first]])
    assert list((clones[0] / "records/followups").rglob("inbox-*.yaml"))


def test_the_copy_of_a_mailing_list_may_come_first(run: Run, clones: tuple[Path, Path]) -> None:
    direct = mail("Hello all", Date="Fri, 20 Nov 2026 10:00:00 +0000")
    footer = "Hello all\n\nPlease read the rules of this list"
    listed = mail(footer, Date="Fri, 20 Nov 2026 10:00:00 +0000", Subject="[list] Hi")
    both_read(run, clones, [listed, direct], [listed, direct])
    assert len(history(clones[0])) == 1


def test_other_words_at_the_same_second_are_another_message(run: Run, clones: tuple[Path, Path]) -> None:
    date = "Fri, 20 Nov 2026 10:00:00 +0000"
    one, other = mail("Yes, please.", Date=date), mail("No, thanks.", Date=date)
    both_read(run, clones, [one, other, one], [one, other])
    assert sorted(entry["text"] for entry in history(clones[0])) == ["Hi\n\nNo, thanks.", "Hi\n\nYes, please."]


def test_two_mails_of_nobody_in_particular_are_two_follow_ups(run: Run, clones: tuple[Path, Path]) -> None:
    one = mail("One", From="info@firm.example", Date="Fri, 20 Nov 2026 10:00:00 +0000")
    other = mail("Other", From="info@firm.example", Date="Sat, 21 Nov 2026 10:00:00 +0000")
    both_read(run, clones, [one, other, one, other], [one])
    assert len(list((clones[0] / "records/followups").rglob("inbox-*.yaml"))) == 2
