"""Campaigns by way of Exim: real queues, real Maildirs, and real bounces, which find their way home."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from helpers import campaign_book as books
from helpers import rig_base as rig
from helpers.books import commit
from helpers.books import git
from helpers.rig_exim import exim
from helpers.rig_sink import sink

from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.outcomes import SmtpServer
from crmctl.mail.transport.ways import smtp_transport
from crmctl.services.mailing.config import default_path

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

NO_BODY = "550 5.1.1 no such person"
POLICY = "550 5.7.1 message blocked by policy"


def notes(root: Path, handle: str) -> list[str]:
    """What a history says in notes."""
    path = root / "records" / "interactions" / f"{handle}.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [str(line.get("outcome", "")) for line in lines if line["type"] == "note"]


def test_bounces_of_a_campaign_are_filed_where_they_belong(tmp_path: Path, run: Run) -> None:
    root = books.make(tmp_path / "book", 8)
    with sink("-f", "RCPT", "-B", NO_BODY) as gone, sink("-f", "RCPT", "-B", POLICY) as strict:
        onward = {gone.port: "p004", strict.port: "p005"}
        with exim(refused="p002", unknown="p003", grey="p006", onward=onward) as server:
            books.configure(server.port)
            sent = run("-C", root, "campaign", "send", "spring", "--send")
            assert sent.code == 8, sent.err
            rows = books.rows(root)
            states = {handle: row.state for handle, row in rows.items()}
            assert states.pop("p002") == "rejected"
            assert states.pop("p006") == "deferred"
            assert set(states.values()) == {"accepted"}
            rig.until(lambda: len(server.messages("inbox")) == 3 and len(server.messages("people")) == 3)
            assert server.queued == 0, server.log()
            assert server.envelopes("people") == ["p000@example.org", "p001@example.org", "p007@example.org"]
            bounced = {rows[handle].sid: handle for handle in ("p003", "p004", "p005")}
            assert server.envelopes("inbox") == sorted(f"bounces+{sid}@example.com" for sid in bounced)
            for message in server.messages("inbox"):
                assert any(f"Original-Envelope-ID: {sid}\n".encode() in message for sid in bounced)
            taken = run("-C", root, "ingest", "maildir", server.folder / "inbox")
            assert (taken.code, "3 bounces" in taken.err) == (0, True), taken.err
            head = git(root, "rev-parse", "HEAD")
            again = run("-C", root, "ingest", "maildir", server.folder / "inbox", "--again")
            assert (again.code, again.err, git(root, "rev-parse", "HEAD")) == (0, "", head)
    for handle in bounced.values():
        assert len(notes(root, handle)) == 1, handle
    assert notes(root, "p000") == []
    found = books.rows(root)
    assert {handle for handle, row in found.items() if "bounced" in row.facts} >= {"p003", "p004"}
    assert all(found[handle].state == "accepted" for handle in bounced.values())
    # Who refuses us for what we write has not been told to be gone.
    listed = run("-C", root, "suppress", "list", "-o", "json").out
    reasons = [entry["why"] for entry in json.loads(listed)]
    assert reasons == ["hard-bounce"] * len(reasons)
    for handle in ("p003", "p004", "p005", "p000"):
        done = run("-C", root, "suppress", "check", f"{handle}@example.org", "-o", "json")
        assert bool(json.loads(done.out or "[]")) == (handle in ("p003", "p004")), (handle, done)


def test_a_bounce_that_only_the_envelope_id_names(tmp_path: Path, run: Run) -> None:
    root = books.make(tmp_path / "book", 1)
    with sink("-f", "RCPT", "-B", NO_BODY) as gone, exim(onward={gone.port: "p000"}) as server:
        books.configure(server.port)
        settings = default_path()
        settings.write_text(settings.read_text().replace("  bounces: bounces@example.com\n", ""))
        assert run("-C", root, "campaign", "send", "spring", "--send").code == 0
        rig.until(lambda: server.messages("inbox"))
        assert server.envelopes("inbox") == ["ada@example.com"]
        (message,) = server.messages("inbox")
        # As from a system that returns nothing of the message: only the report is left.
        report = message.partition(b"Content-type: text/rfc822-headers")[0].splitlines(keepends=True)
        sid = books.rows(root)["p000"].sid.encode()
        kept = b"".join(line for line in report if not line.startswith(b"References: "))
        assert kept.count(sid) == 1
        (tmp_path / "bounce.eml").write_bytes(kept)
    assert "1 bounce" in run("-C", root, "ingest", "message", tmp_path / "bounce.eml").err
    assert "bounced" in books.rows(root)["p000"].facts


def test_what_exim_delivers_is_what_was_made_and_comes_once(tmp_path: Path, run: Run) -> None:
    root = books.make(tmp_path / "book", 3)
    port = rig.free_port()
    with exim(onward={port: "p001"}) as server:
        books.configure(server.port)
        with sink("-r", "RCPT", "-b", "450 4.2.0 later", port=port) as busy:
            assert run("-C", root, "campaign", "send", "spring", "--send").code == 0
            assert books.states(root) == {"accepted": 3}
            rig.until(lambda: "450 4.2.0 later" in server.log())
            assert server.queued == 1
            assert busy.dumped() == []
        # Exim has it and tries again; we do not.
        with sink(port=port) as free:
            assert run("-C", root, "campaign", "send", "spring", "--send").code == 0
            rig.until(lambda: free.dumped() and not server.queued)
            assert [mail.recipient for mail in free.dumped()] == ["p001@example.org"]
        made = run("-C", root, "campaign", "preview", "spring", "--to", tmp_path / "made")
        assert made.code == 0, made.err
        for handle in ("p000", "p002"):
            eml = (tmp_path / "made" / f"{handle}.eml").read_bytes().replace(b"\r\n", b"\n")
            body = eml.partition(b"\n\n")[2]
            (mine,) = [mail for mail in server.messages("people") if f"Envelope-to: {handle}@".encode() in mail]
            assert mine.partition(b"\n\n")[2] == body
            assert f"{books.rows(root)[handle].sid}@".encode() in mine


def test_by_way_of_the_mail_program_of_this_machine(tmp_path: Path, run: Run) -> None:
    root = books.make(tmp_path / "book", 3)
    with exim(unknown="p001") as server:
        books.configure(server.port)
        settings = default_path()
        text = settings.read_text().replace("  server: 127.0.0.1\n", f"  sendmail: {server.sendmail()}\n")
        settings.write_text(text.replace(f"  port: {server.port}\n  security: none\n", ""))
        sent = run("-C", root, "campaign", "send", "spring", "--send")
        assert sent.code == 0, sent.err
        assert books.states(root) == {"accepted": 3}
        rig.until(lambda: len(server.messages("people")) == 2 and server.messages("inbox"))
        assert server.envelopes("people") == ["p000@example.org", "p002@example.org"]
        sid = books.rows(root)["p001"].sid
        assert server.envelopes("inbox") == [f"bounces+{sid}@example.com"]
        assert "1 bounce" in run("-C", root, "ingest", "maildir", server.folder / "inbox").err
    assert "bounced" in books.rows(root)["p001"].facts


def test_a_domain_in_other_letters(tmp_path: Path, run: Run) -> None:
    root = books.make(tmp_path / "book", 1)
    path = root / "records" / "customers" / "p000.yaml"
    path.write_text(path.read_text().replace("p000@example.org", "info@b\u00fccher.example"))
    commit(root)
    with exim() as server:
        books.configure(server.port)
        assert run("-C", root, "campaign", "send", "spring", "--send").code == 0
        rig.until(lambda: server.messages("people"))
        assert server.envelopes("people") == ["info@xn--bcher-kva.example"]
        assert b"\nTo: Person 000 <info@xn--bcher-kva.example>\n" in server.messages("people")[0]


def test_an_address_in_other_letters_goes_only_where_it_can_arrive() -> None:
    data = "Subject: Gr\u00fc\u00dfe\r\nTo: j\u00f6rg@example.org\r\n\r\n\u00e4\u00f6\u00fc\r\n".encode()

    def send(port: int) -> Outcome:
        out = smtp_transport(SmtpServer("127.0.0.1", port, "none"))
        done = out.send("ada@example.com", "j\u00f6rg@example.org", data, sid="", before_dot=lambda: None)
        out.close()
        return done

    with exim() as server:
        done = send(server.port)
        assert (done.state, done.code) == ("accepted", 250), done
        rig.until(lambda: server.messages("people"))
        (message,) = server.messages("people")
        assert "Envelope-to: j\u00f6rg@example.org\n".encode() in message
        assert message.endswith(data.replace(b"\r\n", b"\n"))
    # smtp-sink does not know SMTPUTF8 (RFC 6531).
    with sink() as old:
        done = send(old.port)
        assert (done.state, done.policy) == ("rejected", True), done
        assert "SMTPUTF8" in done.text
        assert old.dumped() == []
