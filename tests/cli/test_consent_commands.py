"""``crmctl consent``, ``suppress``, ``unsub`` and ``key``, as they are typed."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh
from helpers.books import git

from crmctl import errors
from crmctl.services.consenting import keyrings
from crmctl.services.consenting import keys

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Result
    from conftest import Run

ADA = "01J0000000000000000000000A"
NOW = "2027-03-01T12:00"


@pytest.fixture
def book(book_dir: Path) -> Path:
    settings = (book_dir / "crm.yaml").read_text() + "purposes: {newsletter: consent, service: contract}\n"
    ada = f"name: Ada Lovelace\nid: {ADA}\nemails: [ada@example.com]\nphones: [+49 30 123456]\n"
    commit(book_dir, {"/crm.yaml": settings, "customers/ada.yaml": ada})
    return book_dir


def did(run: Run, book: Path, *words: object) -> Result:
    """What a command does that works."""
    done = run("-C", book, "--now", NOW, *words)
    assert done.code == 0, done.err
    return done


def rows(run: Run, book: Path, *words: object) -> list[dict[str, str]]:
    done = run("-C", book, "--now", NOW, *words, "-o", "jsonl")
    return [json.loads(line) for line in done.out.splitlines()]


# consent


def test_consent_is_granted_shown_and_withdrawn(book: Path, run: Run) -> None:
    did(
        run,
        book,
        "consent",
        "grant",
        "ada",
        "newsletter",
        "--how",
        "form",
        "--evidence",
        "f-1",
        "--wording",
        "Monthly.",
    )
    (news, service) = rows(run, book, "consent", "show", "ada")
    assert (news["state"], news["channels"], news["date"], news["not_now"]) == ("granted", "email", "2027-03-01", "")
    assert (news["how"], news["evidence"], news["wording"]) == ("form", "f-1", "Monthly.")
    assert (service["state"], service["basis"]) == ("", "contract")
    done = did(run, book, "consent", "withdraw", "ada", "newsletter", "--how", "phone", "--on", "yesterday")
    assert "consent: withdraw newsletter of ada" in done.err
    news = rows(run, book, "consent", "show", "ada")[0]
    assert (news["state"], news["date"], news["not_now"]) == (
        "withdrawn",
        "2027-02-28",
        "consent withdrawn since 2027-02-28",
    )
    did(run, book, "consent", "grant", "ada", "newsletter", "--channel", "all")
    news = rows(run, book, "consent", "show", "ada")[0]
    assert (news["follows"], news["channels"], news["not_now"]) == ("withdrawn 2027-02-28", "", "")


def test_an_objection_and_a_channel(book: Path, run: Run) -> None:
    did(run, book, "consent", "grant", "ada", "newsletter", "--channel", "email", "--channel", "sms")
    did(run, book, "consent", "withdraw", "ada", "newsletter", "--channel", "sms")
    assert rows(run, book, "consent", "show", "ada")[0]["channels"] == "email"
    assert run("-C", book, "suppress", "check", "+49 30 123456").code == 1
    assert run("-C", book, "suppress", "check", "ada@example.com").code == 0
    did(run, book, "consent", "withdraw", "ada", "newsletter", "--objects")
    assert rows(run, book, "consent", "show", "ada")[0]["state"] == "objected"


def test_a_wording_from_a_file(book: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "said.txt").write_text("Long. " * 100)
    did(run, book, "consent", "grant", "ada", "newsletter", "--wording", f"@{tmp_path / 'said.txt'}")
    assert rows(run, book, "consent", "show", "ada")[0]["wording"].startswith("sha256:")
    done = run("-C", book, "consent", "grant", "ada", "newsletter", "--wording", "@/nowhere")
    assert done.code == errors.USAGE
    assert "cannot be read as text" in done.err


def test_what_consent_refuses(book: Path, run: Run) -> None:
    assert run("-C", book, "consent", "grant", "ada", "news").code == errors.USAGE
    assert "Its purposes are newsletter, service" in run("-C", book, "consent", "grant", "ada", "news").err
    assert run("-C", book, "consent", "grant", "eve", "newsletter").code == errors.NOT_FOUND
    assert run("-C", book, "consent", "grant", "ada", "newsletter", "--basis", "soft-opt-in").code == errors.USAGE
    future = run("-C", book, "--now", NOW, "consent", "grant", "ada", "newsletter", "--on", "2027-03-02")
    assert future.code == errors.USAGE
    commit(book, {"customers/ada.yaml": "name: A\nconsent: {newsletter: {state: erased}}\n"})
    assert run("-C", book, "consent", "grant", "ada", "newsletter").code == errors.CONFLICT


def test_double_opt_in_from_question_to_answer(book: Path, run: Run) -> None:
    asked = did(run, book, "consent", "request", "ada", "--purpose", "newsletter", "--wording", "News, monthly.")
    head, _, text = asked.out.partition("\n\n")
    assert "To: ada@example.com" in head
    subject = next(line for line in head.splitlines() if line.startswith("Subject: "))
    assert "newsletter: News, monthly." in text
    assert rows(run, book, "consent", "show", "ada")[0]["state"] == "nothing said, asked 2027-03-01"
    answered = did(run, book, "consent", "confirm", subject.replace("Subject: ", "Re: "))
    assert "ada confirmed newsletter" in answered.err
    news = rows(run, book, "consent", "show", "ada")[0]
    assert (news["state"], news["wording"], news["not_now"]) == ("granted", "News, monthly.", "")
    assert "Nothing to change" in did(run, book, "consent", "confirm", subject.split()[-1]).err
    forged = run("-C", book, "consent", "confirm", subject.split()[-1][:-1] + "0")
    assert forged.code == errors.USAGE
    assert run("-C", book, "--now", NOW, "consent", "request", "ada", "--purpose", "newsletter").code == errors.CONFLICT


def test_an_old_answer_is_refused(book: Path, run: Run) -> None:
    asked = did(run, book, "consent", "request", "ada", "--purpose", "newsletter")
    token = asked.out.split("Subject: Please confirm: ")[1].split()[0]
    late = run("-C", book, "--now", "2027-03-20", "consent", "confirm", token)
    assert late.code == errors.USAGE
    assert "was open until 2027-03-15" in late.err


def test_the_table_leaves_out_what_nobody_said(book: Path, run: Run) -> None:
    assert did(run, book, "consent", "show", "ada").out.splitlines()[0].split() == ["purpose", "basis", "not", "now"]


# suppress


def test_an_address_is_suppressed_checked_and_released(book: Path, run: Run) -> None:
    assert "Nobody is suppressed" in did(run, book, "suppress", "list").err
    done = did(run, book, "suppress", "add", "Bob@Example.com", "--source", "asked at the fair")
    assert "example" not in done.err.lower()
    assert "Nothing to change" in did(run, book, "suppress", "add", "bob@example.com").err
    (entry,) = rows(run, book, "suppress", "list")
    assert (entry["why"], entry["scope"], entry["channel"], entry["source"]) == (
        "manual",
        "all",
        "all",
        "asked at the fair",
    )
    checked = run("-C", book, "suppress", "check", "BOB@example.com")
    assert (checked.code, "manual" in checked.out) == (1, True)
    assert run("-C", book, "suppress", "check", "eve@example.com").code == 0
    did(run, book, "suppress", "rm", "bob@example.com", "--reason", "by mistake")
    assert run("-C", book, "suppress", "check", "bob@example.com").code == 0
    assert run("-C", book, "suppress", "rm", "bob@example.com", "--reason", "x").code == errors.NOT_FOUND


@pytest.mark.parametrize("why", ["unsubscribed", "complaint", "erased"])
def test_what_they_asked_for_themselves_stays(book: Path, run: Run, why: str) -> None:
    did(run, book, "suppress", "add", "bob@example.com", "--why", why)
    done = run("-C", book, "suppress", "rm", "bob@example.com", "--reason", "we miss them")
    assert done.code == errors.CONFLICT
    assert "they said so themselves" in done.err


def test_an_address_of_nobody_is_told_and_moments_are_those_of_the_book(book: Path, run: Run) -> None:
    unknown = "No customer has this address"
    assert unknown in did(run, book, "suppress", "add", "adda@example.com").err
    assert unknown not in did(run, book, "suppress", "add", "ADA@example.com").err
    assert unknown not in did(run, book, "suppress", "add", "030 123456").err
    for path in book.rglob("*.jsonl"):
        path.write_text(path.read_text().replace("2027-03-01T12:00:00+01:00", "2027-03-01T11:00:00Z"))
    assert "2027-03-01 12:00  manual" in did(run, book, "suppress", "list").out
    assert {entry["at"] for entry in rows(run, book, "suppress", "list")} == {"2027-03-01T11:00:00Z"}


def test_what_suppress_refuses(book: Path, run: Run) -> None:
    assert run("-C", book, "suppress", "add", "nobody").code == errors.USAGE
    assert run("-C", book, "suppress", "add", "a@example.com", "--purpose", "news").code == errors.USAGE
    assert run("-C", book, "suppress", "rm", "a@example.com").code == errors.USAGE  # No reason.


def test_a_damaged_list_is_told_with_its_line(book: Path, run: Run) -> None:
    did(run, book, "suppress", "add", "bob@example.com")
    (path,) = (book / "records/suppressions").glob("2*.jsonl")
    path.write_text(path.read_text() + "oops\n")
    for words in (("suppress", "list"), ("suppress", "check", "x@example.com"), ("consent", "show", "ada")):
        done = run("-C", book, *words)
        assert done.code == errors.INVALID
        assert "2027-03.jsonl:2" in done.err
    done = run("-C", book, "check")
    assert done.code == 1
    assert "2027-03.jsonl:2" in done.out + done.err


def test_several_in_a_batch_are_one_commit(book: Path, run: Run) -> None:
    before = int(git(book, "rev-list", "--count", "HEAD"))
    words = ("suppress add a@example.com", "consent grant ada newsletter", "suppress add b@example.com")
    (book.parent / "lines").write_text("\n".join([*words, "consent withdraw ada newsletter"]))
    did(run, book, "batch", book.parent / "lines")
    assert int(git(book, "rev-list", "--count", "HEAD")) == before + 1
    assert len(keys.existing(fresh(book)).keys) == 1
    for name in ("a", "b", "ada"):
        assert run("-C", book, "suppress", "check", f"{name}@example.com").code == 1


# unsub


def token(book: Path) -> str:
    return keys.load(fresh(book)).token(ADA, "newsletter")


def test_a_token_is_honoured_once(book: Path, run: Run) -> None:
    did(run, book, "consent", "grant", "ada", "newsletter")
    done = did(run, book, "unsub", f"<mailto:unsub+{token(book)}@example.com>")
    assert "ada gets no more of newsletter" in done.err
    assert "unsub: ada" in done.err
    assert rows(run, book, "consent", "show", "ada")[0]["state"] == "withdrawn"
    again = did(run, book, "unsub", token(book))
    assert "was honoured before" in again.err
    assert "Nothing to change" in again.err


def test_a_forged_token_fails_and_changes_nothing(book: Path, run: Run) -> None:
    good = token(book)
    before = git(book, "rev-parse", "HEAD")
    for bad in (good[:-1], good[:-1] + "0", "x"):
        done = run("-C", book, "unsub", bad)
        assert done.code == 1
        assert "refused" in done.err
    assert git(book, "rev-parse", "HEAD") == before
    assert run("-C", book, "unsub").code == errors.USAGE


def test_a_log_is_read_as_often_as_you_like(
    book: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    did(run, book, "consent", "grant", "ada", "newsletter", "--on", "2027-01-01")
    one = token(book)
    lines = [
        f'203.0.113.9 - - [01/Mar/2027:10:00:00 +0100] "GET /u/{one} HTTP/1.1" 200 12 "-" "Scanner"',
        f'203.0.113.9 - - [01/Mar/2027:10:00:01 +0100] "POST /u/{one} HTTP/1.1" 200 12 "-" "Mail"',
        f'{{"method": "POST", "path": "/u/{one[:-1]}0"}}',
        "nonsense",
    ]
    log = tmp_path / "access.log"
    log.write_text("\n".join(lines[:1]) + "\n")
    done = did(run, book, "unsub", "--log", log)
    assert "0 honoured, 0 honoured before, 0 refused; 1 only looked (no POST), 0 lines could not be read." in done.err
    assert rows(run, book, "consent", "show", "ada")[0]["state"] == "granted"
    log.write_text("\n".join(lines) + "\n")
    done = did(run, book, "unsub", "--log", log)
    assert "access.log:2: ada gets no more of newsletter" in done.err
    assert "access.log:3: refused" in done.err
    assert "1 honoured, 0 honoured before, 1 refused; 1 only looked (no POST), 1 lines" in done.err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines).encode())))
    done = did(run, book, "unsub", "--log", "-")
    assert "0 honoured, 1 honoured before, 1 refused" in done.err


# key


def test_a_key_moves_to_another_machine(book: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no key yet" in did(run, book, "key", "show").err
    assert run("-C", book, "key", "export").code == 1
    did(run, book, "suppress", "add", "bob@example.com")
    exported = did(run, book, "key", "export").out
    assert rows(run, book, "key", "show")[0]["here"] == "yes"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    shown = run("-C", book, "key", "show")
    assert (shown.code, " no " in shown.out) == (1, True)
    for words in (("suppress", "check", "bob@example.com"), ("key", "export"), ("consent", "show", "ada")):
        done = run("-C", book, *words)
        assert done.code == 1
        assert "not on this machine" in done.err
        assert "crmctl key import" in done.err
    (tmp_path / "key.txt").write_text(exported)
    did(run, book, "key", "import", tmp_path / "key.txt")
    assert run("-C", book, "suppress", "check", "bob@example.com").code == 1
    (tmp_path / "key.txt").write_text("\n")
    assert run("-C", book, "key", "import", tmp_path / "key.txt").code == errors.USAGE
    (tmp_path / "key.txt").write_text(keyrings.export_line(bytes(32)))
    assert run("-C", book, "key", "import", tmp_path / "key.txt").code == 1


@pytest.mark.parametrize(
    "reason", ["ask bob@x.example", "order 4711", "the call of \u0662", "ADA said so", "Mrs Lovelace", "x" * 101]
)
@pytest.mark.parametrize("verb", ["add", "rm"])
def test_a_reason_names_nobody(book: Path, run: Run, verb: str, reason: str) -> None:
    if verb == "rm":
        did(run, book, "suppress", "add", "ada@example.com")
    before = git(book, "rev-parse", "HEAD")
    done = run("-C", book, "suppress", verb, "ada@example.com", "--reason", reason)
    assert done.code == errors.USAGE
    assert "a reason" in done.err
    assert "hint: Say what happened" in done.err
    assert git(book, "rev-parse", "HEAD") == before


def test_a_reason_is_kept_in_plain_words(book: Path, run: Run) -> None:
    did(run, book, "suppress", "add", "ada@example.com", "--reason", " asked at\n the fair ")
    assert [entry["source"] for entry in rows(run, book, "suppress", "list")] == ["asked at the fair"]
    done = run("-C", book, "suppress", "rm", "ada@example.com")
    assert (done.code, "no reason is given" in done.err) == (errors.USAGE, True)


@pytest.mark.parametrize("words", [("grant", "ada"), ("withdraw", "ada"), ("request", "ada")])
def test_purposes_are_named_where_one_is_missing(book: Path, run: Run, words: tuple[str, ...]) -> None:
    done = run("-C", book, "consent", *words)
    assert done.code == errors.USAGE
    assert done.err.splitlines()[-1] == "hint: Its purposes are newsletter, service (crm.yaml)."
    more = ("--purpose", "newslettr") if words[0] == "request" else ("newslettr",)
    assert "Did you mean newsletter?" in run("-C", book, "consent", *words, *more).err


def test_whoever_has_no_token_is_told_the_other_way(book: Path, run: Run) -> None:
    done = run("-C", book, "unsub", "nonsense")
    assert done.code == errors.FAILED
    assert done.err.splitlines()[0].startswith("crmctl: nonsense...: refused, ")
    assert "crmctl suppress add ADDRESS" in done.err


def test_a_key_that_cannot_be_used_is_told_with_its_reason(book: Path, run: Run) -> None:
    did(run, book, "suppress", "add", "bob@example.com")
    (file,) = keyrings.folder().glob("*.key")
    file.chmod(0o644)
    done = run("-C", book, "key", "show")
    assert done.code == errors.FAILED
    assert f"hint: chmod 600 {file}" in done.err
