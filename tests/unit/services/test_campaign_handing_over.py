"""Campaigns by letter, text message and phone: through the same machine as e-mail, and each exactly once."""

from __future__ import annotations

import errno
import json
import os
import re
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers.books import commit
from helpers.books import git
from helpers.told_transport import NOW
from helpers.told_transport import Told
from helpers.told_transport import later
from helpers.told_transport import said

from crmctl import clock
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import NoBook
from crmctl.errors import UsageProblem
from crmctl.mail.ledger.log import Ledger
from crmctl.mail.transport.folder import Folder
from crmctl.mail.transport.pacing import Rate
from crmctl.services.book import Book
from crmctl.services.campaigns import audience
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns import control
from crmctl.services.campaigns import freezing
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.looking import check
from crmctl.services.campaigns.looking import look
from crmctl.services.campaigns.machines import sharing
from crmctl.services.campaigns.running import handing_over
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.campaigns.running.asking import World
from crmctl.services.campaigns.running.calls import Calls
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.desk import SendingElsewhere
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.campaigns.running.gatekeeping import Gatekeeper
from crmctl.services.campaigns.running.pacing import paced
from crmctl.services.campaigns.running.runs import send
from crmctl.services.consenting import keys
from crmctl.services.mailing.config import MailServer
from crmctl.services.mailing.config import SmsSpool
from crmctl.services.mailing.config import UserConfig

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping

    from crmctl.mail.ledger.log import Event
    from crmctl.services.campaigns.running.asking import Sent

PEOPLE = 4
STOP = "---\nchannel: {channel}\n---\nGrüße, {{{{ customer.name }}}}. Antworte STOP, und es kommt nichts mehr.\n"


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def monday() -> None:
    clock.freeze(NOW)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def book(tmp_path: Path, channel: str, more: str = "") -> Path:
    """A book with a campaign on a channel for some people, whose addresses are complete."""
    root = books.make(tmp_path / "book", PEOPLE, f"channel: {channel}\n{more}")
    files = {"/templates/spring.md": STOP.format(channel=channel)} if channel not in ("email", "letter") else {}
    for number in range(PEOPLE):
        path = root / "records" / "customers" / f"p{number:03d}.yaml"
        address = f"address: {{street: Lane {number}, postal_code: '10115', city: Berlin, country: DE}}\n"
        files[f"customers/{path.name}"] = f"{path.read_text()}phones: ['+49 151 2345670{number}']\n{address}"
    commit(root, files)
    return root


def go(root: Path, folder: Path | None = None, sms: SmsSpool | None = None, limit: int = 0) -> Sent:
    own = Book(root)
    way = handing_over.way_out(own, "spring", folder, UserConfig(sms=sms))
    done = send(own, "spring", Asked(limit=limit), World(way.transport, way.mail))
    handing_over.bind(way.transport, own.now())
    return done


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def dies_at(monkeypatch: pytest.MonkeyPatch, ev: str, *, after: bool, times: int = 1) -> None:
    """Have the process die before, or after, the ledger has the ``times``th event of a kind."""
    append, left = Ledger.append_many, [times]

    def dying(self: Ledger, new: Iterable[tuple[str, str, str, Mapping[str, str | int]]], **more: bool) -> list[Event]:
        rows = list(new)
        hit = any(row[0] == ev for row in rows)
        left[0] -= hit
        if hit and not left[0] and not after:
            raise Killed
        found = append(self, rows, **more)
        if hit and not left[0]:
            raise Killed
        return found

    monkeypatch.setattr(Ledger, "append_many", dying)


# Letters


def test_everybody_gets_one_letter_and_all_are_in_one_file(tmp_path: Path, out: Path) -> None:
    root = book(tmp_path, "letter")
    done = go(root, out)
    assert (done.complete, done.counts, books.status(root).status) == (True, {"accepted": PEOPLE}, "finished")
    rows = books.rows(root)
    mine = [f"{handle}-{row.sid}.html" for handle, row in rows.items()]
    assert names(out) == sorted([*mine, "print-20261123-100000.html"])
    assert "Dear Person 001" in (out / f"p001-{rows['p001'].sid}.html").read_text()
    assert (out / "print-20261123-100000.html").read_text().count('<div class="letter">') == PEOPLE
    assert books.told(root) == {f"p{number:03d}": 1 for number in range(PEOPLE)}
    (line,) = (root / "records/interactions/p000.jsonl").read_text().splitlines()
    assert (json.loads(line)["type"], json.loads(line)["direction"]) == ("letter", "out")
    before = names(out)
    assert go(root, out).counts == {}
    assert names(out) == before
    assert not list(Desk(Book(root)).spool.glob("*.eml"))


def test_each_run_has_a_file_to_print_of_its_own(tmp_path: Path, out: Path) -> None:
    root = book(tmp_path, "letter")
    go(root, out, limit=1)
    later(minutes=1)
    go(root, out)
    one, two = sorted(out.glob("print-*"))
    assert [path.read_text().count('<div class="letter">') for path in (one, two)] == [1, PEOPLE - 1]


def test_who_has_no_postal_address_is_left_out_with_that_reason(tmp_path: Path, out: Path) -> None:
    root = book(tmp_path, "letter")
    commit(root, {"customers/p001.yaml": books.PERSON.format(id="01HZZZZZZZZZZZZZZZZZZZZ001", name="P", handle="p001")})
    done = go(root, out)
    assert done.balance.accepted == PEOPLE - 1
    assert ("skipped", "no-address", 1) in books.status(root).counts


def test_a_letter_wants_a_folder_and_mail_has_none(tmp_path: Path, out: Path) -> None:
    letters = book(tmp_path, "letter")
    with pytest.raises(UsageProblem, match="say where to put"):
        go(letters)
    mails = books.make(tmp_path / "mails", 1)
    with pytest.raises(UsageProblem, match="--to is for letters"):
        go(mails, out)
    assert not out.exists()


@pytest.mark.parametrize("taken", [False, True], ids=["still there", "taken away"])
def test_a_crash_between_the_file_and_the_ledgers_line(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    root = book(tmp_path, "letter")
    with pytest.raises(Killed), monkeypatch.context() as patch:
        dies_at(patch, "accept", after=False, times=2)
        go(root, out)
    assert books.states(root)["unknown"] == 1
    if taken:  # Somebody, or the program that sends, was quicker.
        for path in out.glob("p0*.html"):
            path.unlink()
    done = go(root, out)
    assert done.counts == {"accepted": PEOPLE - 2}
    assert books.states(root) == {"accepted": PEOPLE}
    assert len(list(out.glob("p0*.html"))) == (PEOPLE - 2 if taken else PEOPLE)
    assert books.told(root) == {f"p{number:03d}": 1 for number in range(PEOPLE)}
    bound = "".join(path.read_text() for path in out.glob("print-*"))
    assert bound.count('<div class="letter">') == (PEOPLE - 2 if taken else PEOPLE)


@pytest.mark.parametrize(("ev", "after"), [("dot", False), ("dot", True), ("accept", True)])
def test_a_crash_at_any_other_moment(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, ev: str, after: bool
) -> None:
    root = book(tmp_path, "letter")
    with pytest.raises(Killed), monkeypatch.context() as patch:
        dies_at(patch, ev, after=after, times=2)
        go(root, out)
    go(root, out)
    assert books.states(root) == {"accepted": PEOPLE}
    assert len(list(out.glob("p0*.html"))) == PEOPLE
    assert books.told(root) == {f"p{number:03d}": 1 for number in range(PEOPLE)}
    assert not list(out.rglob("*.tmp"))


def test_where_nobody_can_look_nothing_is_guessed(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = book(tmp_path, "letter")
    with pytest.raises(Killed), monkeypatch.context() as patch:
        dies_at(patch, "dot", after=True)
        go(root, out)
    away = out.rename(tmp_path / "away")
    with pytest.raises(Conflict, match="which cannot be looked at now") as refused:
        go(root, tmp_path / "other")
    assert str(out) in refused.value.message
    assert not (tmp_path / "other").exists()
    away.rename(out)
    assert go(root, tmp_path / "other").balance.accepted == PEOPLE
    assert names(out) == []
    assert len(list((tmp_path / "other").glob("p0*.html"))) == PEOPLE


def test_two_runs_at_once_are_one(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = book(tmp_path, "letter")
    send_one, refused = Folder.send, []

    def busy(self: Folder, *arguments: object, **more: object) -> object:
        with pytest.raises(SendingElsewhere):
            go(root, out)
        refused.append(1)
        return send_one(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Folder, "send", busy)
    assert go(root, out).counts == {"accepted": PEOPLE}
    assert len(refused) == PEOPLE
    assert len(list(out.glob("p0*.html"))) == PEOPLE


def test_a_full_folder_stops_the_run_and_it_goes_on_later(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = book(tmp_path, "letter")
    replace, left = os.open, [1]

    def full(path: object, flags: int, *more: int) -> int:
        if out in Path(str(path)).parents and flags & os.O_CREAT and str(path).endswith(".tmp"):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(path, flags, *more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("os.open", full)
        own = Book(root)
        way = handing_over.way_out(own, "spring", out, UserConfig())
        done = send(own, "spring", Asked(), World(way.transport, way.mail))
    assert (done.complete, done.counts) == (False, {"accepted": 1, "not_tried": 1})
    assert done.stopped == "the folder cannot be written to: no space left on device"
    assert books.status(root).status == "paused"
    assert books.told(root)["p000"] == 1
    control.resume(Book(root), "spring")
    assert go(root, out).balance.accepted == PEOPLE
    assert books.told(root) == {f"p{number:03d}": 1 for number in range(PEOPLE)}


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path, out: Path) -> None:
    root = book(tmp_path, "letter")
    (tmp_path / "real").mkdir()
    out.symlink_to("real")
    done = go(root, out)
    assert (done.complete, done.counts) == (False, {})
    assert done.stopped == f"{out} is a link"
    assert any(str(tmp_path / "real") in note for note in done.notes)
    assert names(tmp_path / "real") == []
    assert set(books.states(root)) <= {"planned"}


# Text messages


def test_gammu_finds_one_file_for_each(tmp_path: Path) -> None:
    root = book(tmp_path, "sms")
    (tmp_path / "spool").mkdir()
    assert go(root, sms=SmsSpool("gammu", str(tmp_path / "spool"))).complete
    sids = {handle: row.sid for handle, row in books.rows(root).items()}
    assert names(tmp_path / "spool") == sorted(
        f"OUTA20261123_100000_00_+4915123456{700 + number}_{sids[f'p{number:03d}']}.txt" for number in range(PEOPLE)
    )
    (path,) = (tmp_path / "spool").glob("*_+4915123456700_*")
    assert path.read_bytes().decode("utf-16").startswith("Grüße, Person 000. Antworte STOP")
    (line,) = (root / "records/interactions/p000.jsonl").read_text().splitlines()
    assert json.loads(line)["type"] == "message"


def test_smstools_finds_one_file_for_each_and_a_crash_makes_no_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, spool = book(tmp_path, "sms"), SmsSpool("smstools", str(tmp_path / "spool"))
    (tmp_path / "spool").mkdir()
    with pytest.raises(Killed), monkeypatch.context() as patch:
        dies_at(patch, "accept", after=False)
        go(root, sms=spool)
    (first,) = (tmp_path / "spool" / name for name in names(tmp_path / "spool"))
    assert first.read_bytes().startswith(b"To: 4915123456700\nAlphabet: ISO\n\nGr\xfc\xdfe")
    first.unlink()  # It was sent.
    later(minutes=5)
    assert go(root, sms=spool).balance.accepted == PEOPLE
    assert first.name not in names(tmp_path / "spool")
    assert len(names(tmp_path / "spool")) == PEOPLE - 1


def test_no_text_message_goes_to_a_landline(tmp_path: Path, out: Path) -> None:
    root = book(tmp_path, "sms")
    files = {}
    for number, phones in enumerate(("'+49 30 1234500'", "'030 1234501', '+1 212 555 0123'", "'+49 151 23456702'")):
        path = root / "records" / "customers" / f"p{number:03d}.yaml"
        files[f"customers/{path.name}"] = re.sub("phones: .*", f"phones: [{phones}]", path.read_text())
    commit(root, files)
    plan = audience.plan(Book(root), "spring")
    assert [(one.handle, one.code) for one in plan.left_out] == [("p000", "landline")]
    assert "no text message reaches +49 30 1234500" in plan.left_out[0].reason
    # Of several numbers it is one that may be mobile; in America nobody can tell.
    assert plan.recipients[0].address == "+1 212 555 0123"
    (mine,) = (one for one in plan.recipients if one.handle == "p002")
    campaign = campaigns.read(Book(root), "spring")
    entry = plans.Entry("", mine.id, mine.handle, mine.name, "+49 30 1234502")
    verdict = Gatekeeper(Book(root), campaign).verdict(entry, Book(root).now())
    assert (verdict.what, verdict.code) == ("out", "landline")
    go(root, out)
    assert books.states(root) == {"accepted": PEOPLE - 1, "skipped": 1}


def test_without_a_way_out_nothing_is_planned(tmp_path: Path) -> None:
    root = book(tmp_path, "sms")
    with pytest.raises(NoBook, match="no way out for text messages"):
        go(root)
    with pytest.raises(CrmError):
        control.resume(Book(root), "spring")
    assert books.rows(root) == {}


def test_a_spool_that_is_not_there_is_no_attempt(tmp_path: Path) -> None:
    root = book(tmp_path, "sms")
    done = go(root, sms=SmsSpool("gammu", str(tmp_path / "gone")))
    assert (done.complete, set(said(done).values())) == (False, {("wait", "folder")})
    assert set(books.states(root)) <= {"planned"}


@pytest.mark.parametrize(
    ("now", "until"), [("2026-11-23T07:59:00+01:00", "08:00"), ("2026-11-23T21:00:00+01:00", "08:00")]
)
def test_no_telephone_rings_at_night(tmp_path: Path, out: Path, now: str, until: str) -> None:
    root = book(tmp_path, "sms")
    clock.freeze(datetime.fromisoformat(now))
    done = go(root, out)
    assert {f"{line.until:%H:%M}" for line in done.lines if line.until} == {until}
    assert not out.exists()


@pytest.mark.parametrize(
    ("channel", "window", "usual", "hours"),
    [
        ("email", "", "", ""),
        ("email", "06:00-23:00", "", "06:00-23:00"),
        ("letter", "", "", ""),
        ("sms", "", "", "08:00-21:00"),
        ("phone", "", "09:00-17:00", "09:00-17:00"),
        ("sms", "07:00-22:00", "09:00-17:00", "08:00-21:00"),
        ("phone", "06:30-10:15", "", "08:00-10:15"),
        ("sms", "20:00-23:59", "", "20:00-21:00"),
        ("sms", "nonsense", "", "nonsense"),
    ],
)
def test_the_hours_of_a_campaign(tmp_path: Path, channel: str, window: str, usual: str, hours: str) -> None:
    root = book(tmp_path, channel, f"window: '{window}'\n")
    assert campaigns.read(Book(root), "spring").hours(usual) == hours


def test_hours_of_which_nothing_is_left_are_refused(tmp_path: Path, out: Path) -> None:
    root = book(tmp_path, "sms", "window: 21:30-23:00\n")
    with pytest.raises(InvalidData, match="nobody may be rung up in its hours"):
        go(root, out)


@pytest.mark.parametrize("words", ["Reply STOP to end", "Stop: 12345", "Zum Abmelden antworten", "opt out: 1", "BAJA"])
def test_a_text_message_says_how_to_get_no_more(tmp_path: Path, out: Path, words: str) -> None:
    root = book(tmp_path, "sms")
    text = "---\nchannel: sms\n---\nBy the end of May we stop nothing. {}\n"
    commit(root, {"/templates/spring.md": text.format("")})
    with pytest.raises(InvalidData, match="does not say how to get no more of them"):
        go(root, out)
    assert {line.code for line in check(Book(root), "spring", None).bad} == {"lacks"}
    commit(root, {"/templates/spring.md": text.format(words)})
    assert check(Book(root), "spring", None).bad == []
    assert go(root, out).complete


def test_what_is_owed_need_not_say_how_to_stop_it(tmp_path: Path, out: Path) -> None:
    root = book(tmp_path, "sms")
    commit(
        root,
        {
            "/crm.yaml": (root / "crm.yaml").read_text() + "purposes: {newsletter: contract}\n",
            "/templates/spring.md": "---\nchannel: sms\npurpose: newsletter\n---\nYour order is there.\n",
        },
    )
    assert go(root, out).complete


def test_parts_are_counted_and_many_are_not_wise(tmp_path: Path) -> None:
    root = book(tmp_path, "sms")
    commit(root, {"/templates/spring.md": "---\nchannel: sms\n---\nSTOP ends it. {{ customer.name }} " + "x" * 440})
    found = check(Book(root), "spring", None)
    assert (found.good, found.parts, found.warnings) == (
        PEOPLE,
        4 * PEOPLE,
        ["there are text messages of 4 parts (GSM), and each part is paid for"],
    )


def test_text_messages_do_not_use_up_what_the_mail_server_allows(tmp_path: Path, out: Path) -> None:
    root = book(tmp_path, "sms")
    go(root, out)
    events = list(Desk(Book(root)).ledger.events())
    pace = paced(MailServer(rate=Rate(hour=1)), "", events)
    assert pace.next_free("example.org", NOW) == NOW


# Calls


def followups(root: Path) -> dict[str, dict[str, str]]:
    """The follow-ups, by customer."""
    own = Book(root)
    found = {}
    for customer, handle in own.index.rows("SELECT customer, handle FROM followups ORDER BY customer"):
        data = own.index.data(own.schema.require("followup"), str(handle)) or {}
        found[str(customer)] = {"handle": str(handle), **{name: str(value) for name, value in data.items()}}
    return found


def test_everybody_to_call_gets_one_followup(tmp_path: Path) -> None:
    root = book(tmp_path, "phone", "owner: mia\n")
    ada = (root / "records/customers/p000.yaml").read_text() + "owner: ben\n"
    commit(
        root,
        {
            "customers/p000.yaml": ada,
            "members/mia.yaml": "name: Mia\nemail: mia@example.com\n",
            "members/ben.yaml": "name: Ben\nemail: ben@example.com\n",
        },
    )
    done = go(root)
    assert (done.complete, done.counts) == (True, {"accepted": PEOPLE})
    found = followups(root)
    assert len(found) == PEOPLE
    assert found["p000"]["what"] == "Call: Spring"
    assert {one["campaign"] for one in found.values()} == {"spring"}
    assert found["p000"]["due"] == "2026-11-23"
    assert found["p000"]["notes"].startswith("Grüße, Person 000. Antworte STOP")
    assert [found[name]["owner"] for name in ("p000", "p001")] == ["ben", "mia"]
    assert sum(books.told(root).values()) == 0  # Nobody has called yet.
    assert go(root).counts == {}
    assert followups(root) == found
    git(root, "diff", "--exit-code", "HEAD")


def test_at_night_the_call_is_for_the_day_on_which_it_may_be_made(tmp_path: Path) -> None:
    root = book(tmp_path, "phone", "weekdays: [wed]\n")
    clock.freeze(NOW + timedelta(hours=12))
    assert go(root).complete
    assert {one["due"] for one in followups(root).values()} == {"2026-11-25"}


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_makes_no_second_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    root = book(tmp_path, "phone")
    with pytest.raises(Killed), monkeypatch.context() as patch:
        dies_at(patch, "accept", after=after, times=2)
        go(root)
    go(root)
    found = followups(root)
    assert len(found) == PEOPLE
    assert all(one["notes"].startswith("Grüße") for one in found.values())


def test_what_was_done_or_removed_does_not_come_again(tmp_path: Path) -> None:
    root = book(tmp_path, "phone")
    go(root, limit=2)
    one, two = (one["handle"] for one in followups(root).values())
    path = root / "records" / "followups" / f"{one}.yaml"
    path.write_text(path.read_text() + "done: 2026-11-23\n")
    (root / "records" / "followups" / f"{two}.yaml").unlink()
    commit(root)
    go(root)
    assert "done: 2026-11-23" in path.read_text()
    assert two not in {each["handle"] for each in followups(root).values()}
    assert len(followups(root)) == PEOPLE - 1


def test_two_clones_make_the_same_followup(tmp_path: Path) -> None:
    root = book(tmp_path, "phone")
    go(root)
    (event, *_) = [event for event in Desk(Book(root)).ledger.events() if event.ev == "accept"]
    clone = book(tmp_path / "clone", "phone")
    own = Book(clone)
    spool = Desk(Book(root)).spool
    with own.write("call") as tx:
        Calls(own, campaigns.read(own, "spring"), spool).put(tx, event.sid, "p000", event)
        tx.commit("call")
    (theirs,) = (clone / "records" / "followups").iterdir()
    mine = root / "records" / "followups" / theirs.name
    assert mine.read_text().partition("notes:")[0] == theirs.read_text().partition("notes:")[0]


def test_what_is_to_be_said_is_written_where_it_is_wanted(tmp_path: Path, out: Path) -> None:
    root = book(tmp_path, "visit")
    assert go(root, out).complete
    assert len(names(out)) == PEOPLE
    assert all(name.endswith(".txt") for name in names(out))
    assert {one["what"] for one in followups(root).values()} == {"Visit: Spring"}


# What a campaign has to say


@pytest.mark.parametrize("channel", ["email", "letter", "sms", "phone"])
def test_a_campaign_says_what_its_readers_have_from_it(tmp_path: Path, out: Path, channel: str) -> None:
    root = book(tmp_path, channel)
    path = root / "records/campaigns/spring.yaml"
    commit(root, {"campaigns/spring.yaml": path.read_text().replace("benefit: Hears of it first\n", "")})
    found = check(Book(root), "spring", None)
    assert (found.good, len(found.lacking)) == (PEOPLE, 1)
    assert "crmctl campaign set spring benefit=" in found.lacking[0]
    way = World(Told(), MailServer()) if channel == "email" else None
    with pytest.raises(InvalidData, match="does not say what the customer has from it") as refused:
        if way is not None:
            send(Book(root), "spring", Asked(), way)
        else:
            go(root, out)
    assert refused.value.problems
    assert set(books.states(root)) <= {"planned"}


def test_what_is_owed_needs_no_benefit(tmp_path: Path, out: Path) -> None:
    root = book(tmp_path, "letter")
    crm = (root / "crm.yaml").read_text() + "purposes: {newsletter: legal}\n"
    campaign = books.CAMPAIGN.replace("benefit: Hears of it first\n", "") + "channel: letter\n"
    commit(root, {"/crm.yaml": crm, "campaigns/spring.yaml": campaign})
    assert check(Book(root), "spring", None).lacking == ()
    assert go(root, out).complete


def test_a_look_needs_no_folder(tmp_path: Path) -> None:
    for channel in ("letter", "sms", "phone"):
        root = book(tmp_path / channel, channel)
        assert {state for state, _ in said(look(Book(root), "spring", Asked(), None)).values()} == {"send"}


def test_from_cron_goes_what_can_go_alone(tmp_path: Path) -> None:
    alone = {}
    for channel in ("email", "letter", "sms", "phone"):
        root = book(tmp_path / channel, channel, "status: planned\n")
        alone[channel] = control.due(Book(root)).ours
    assert alone == {"email": ["spring"], "letter": [], "sms": [], "phone": ["spring"]}
    books.configure(25, f"sms:\n  gammu: {tmp_path}\n")
    assert control.due(Book(tmp_path / "sms" / "book")).ours == ["spring"]


# Known under another record


@pytest.mark.parametrize("channel", ["sms", "letter", "phone"])
def test_whoever_got_it_gets_no_second_one_under_another_record(tmp_path: Path, out: Path, channel: str) -> None:
    root = book(tmp_path, channel)
    go(root, out)
    record = root / "records/customers/p000.yaml"
    again = record.read_text().replace("ZZZZ000", "ZZZZ900").replace("+49 151 23456700", "+49 (0)151 / 234 567 00")
    git(root, "rm", "-q", "records/customers/p000.yaml")
    commit(root, {"customers/anew.yaml": again})
    own = Book(root)
    with at_work(own, "campaign plan spring") as desk:
        frozen, _ = freezing.freeze(own, desk, "spring", refresh=True)
    assert {entry.handle: entry.code for entry in frozen.entries.values()}["anew"] == "duplicate-address"
    assert go(root, out).counts == {}


@pytest.mark.parametrize("channel", ["sms", "letter", "visit"])
def test_the_ledger_knows_whom_a_send_is_for_and_does_not_tell(tmp_path: Path, out: Path, channel: str) -> None:
    root = book(tmp_path, channel)
    go(root, out)
    hashed = {row.to for row in books.rows(root).values()}
    assert len(hashed) == PEOPLE
    assert all(to.startswith("h:") for to in hashed)


def test_another_machine_knows_the_number_by_its_hash(tmp_path: Path) -> None:
    own = Book(book(tmp_path, "sms"))
    ring = keys.load(own)
    hashed = ring.keyed(audience.same("030 1234501", "sms", own.context._replace(region="DE")))
    assert sharing._is("+49 (0)30 123 45 01", "sms", hashed, own, ring)
    assert not sharing._is("+49 30 1234502", "sms", hashed, own, ring)
    assert not sharing._is("+49 30 1234501", "sms", "", own, ring)
