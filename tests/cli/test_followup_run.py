"""``followup run`` against a real mail server, in processes of its own, and the commands around it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from email import message_from_bytes
from email import policy
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from helpers import campaign_book
from helpers import following_book as books
from helpers.books import commit
from helpers.books import git
from helpers.smtp_server import MailServer

from crmctl.cli.app import App
from crmctl.services.book import Book

if TYPE_CHECKING:
    from conftest import Run

NOW = "2027-03-01T09:00"


@pytest.fixture
def root(tmp_path: Path, run: Run) -> Path:
    folder = books.make(tmp_path / "book")
    assert run("-C", folder, "--now", NOW, "sequence", "enroll", "kim", "welcome").code == 0
    return folder


def test_two_runs_in_one_second_send_one_mail(root: Path) -> None:
    with MailServer() as server:
        campaign_book.configure(server.port)
        command = [sys.executable, "-m", "crmctl", "-C", str(root), "--now", NOW, "followup", "run", "--send"]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        ended = [process.communicate(timeout=60) for process in both]
        assert [process.returncode for process in both] == [0, 0], ended
        assert server.recipients() == ["kim@example.org"]
        assert sum("went out" in out for out, _ in ended) == 1
    assert git(root, "status", "--porcelain") == ""
    assert len(books.one(root).log) == 1


def test_a_run_is_dry_unless_told_and_says_nothing_when_there_is_nothing(root: Path, run: Run) -> None:
    with MailServer() as server:
        campaign_book.configure(server.port)
        dry = run("-C", root, "--now", NOW, "followup", "run", "--dry-run")
        assert (dry.code, "1 step would be taken now" in dry.err) == (0, True)
        assert server.recipients() == []
        assert run("-C", root, "--now", NOW, "followup", "run", "--send", "--dry-run").code == 2
        done = run("-C", root, "--now", NOW, "followup", "run", "--send")
        assert "step 1 went out" in done.out
        assert run("-C", root, "--now", NOW, "followup", "run", "--send") == (0, "", "")
        future = run("-C", root, "--now", "2027-03-04T09:00", "followup", "run", "-o", "tsv")
        assert "kim\twelcome\t2\tsend" in future.out
        assert server.recipients() == ["kim@example.org"]


def test_letters_go_into_the_folder_that_is_named_and_never_into_the_book(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = books.make(tmp_path / "card", "steps:\n- {wait: 0d, what: Card, channel: letter, template: two}\n")
    postal = "address: {street: Lane 1, postal_code: '10115', city: Berlin, country: DE}\n"
    people = root / "records" / "customers"
    commit(root, {f"customers/{who}.yaml": (people / f"{who}.yaml").read_text() + postal for who in ("kim", "bob")})
    assert run("-C", root, "--now", NOW, "sequence", "enroll", "kim", "welcome").code == 0
    assert run("-C", root, "--now", NOW, "sequence", "enroll", "bob", "welcome").code == 0
    refused = run("-C", root, "--now", NOW, "followup", "run", "--to", root / "letters")
    assert (refused.code, "git would take along" in refused.err) == (2, True)
    folder = tmp_path / "letters"
    dry = run("-C", root, "--now", NOW, "followup", "run", "--to", folder, "-o", "tsv")
    assert [line.split("\t")[0] for line in dry.out.splitlines()[1:]] == ["bob", "kim"]
    assert not folder.exists()
    done = run("-C", root, "--now", NOW, "followup", "run", "--send", "--to", folder)
    assert done.code == 0, done.err
    (bound,) = folder.glob("print-*.html")
    assert str(bound) in done.out.splitlines()
    assert bound.read_text().count("Still there,") == 2
    assert "2 steps taken, 0 by mail." in done.err
    assert run("-C", root, "--now", NOW, "followup", "run", "--send", "--to", folder) == (0, "", "")


def test_a_person_is_asked_before_mail_goes_out_that_is_dated_to_come(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def no(question: str, **_options: object) -> None:
        asked.append(question)
        raise click.Abort

    monkeypatch.setattr(App, "can_ask", True)
    monkeypatch.setattr(click, "confirm", no)
    with MailServer() as server:
        campaign_book.configure(server.port)
        assert run("-C", root, "--now", "2999-03-01T09:00", "followup", "run", "--send").code != 0
        assert server.recipients() == []
    assert asked == ["Mail would go out now, dated 2999-03-01 09:00. Send it?"]
    assert run("-C", root, "--now", "2020-03-01T09:00", "followup", "run", "--send").code == 0
    assert len(asked) == 1


def test_explain_tells_every_decision(root: Path, run: Run) -> None:
    with MailServer() as server:
        campaign_book.configure(server.port)
        for day in ("01", "02", "03"):
            run("-C", root, "--now", f"2027-03-{day}T09:05", "followup", "run", "--send")
    found = run("-C", root, "--now", "2027-03-03T10:00", "followup", "explain", "kim").out
    assert "step 1 went out" in found
    assert found.count("step 2 is due Thu 2027-03-04") == 2  # Kept once, and now.
    assert run("-C", root, "followup", "explain", "bob").err == "bob is in no sequence.\n"


def test_status_stop_and_a_second_enrolment(root: Path, run: Run) -> None:
    status = run("-C", root, "--now", NOW, "sequence", "status", "-o", "tsv").out
    assert "kim\twelcome\tactive\t0 of 4" in status
    again = run("-C", root, "--now", NOW, "enrolment", "add", "kim", "welcome")
    assert (again.code, "is in it already" in again.err) == (0, True)
    assert run("-C", root, "sequence", "stop", "kim", "--reason", "asked on the phone").code == 0
    assert run("-C", root, "sequence", "stop", "kim").code == 3
    assert "stopped\tasked on the phone" in run("-C", root, "enrolment", "list", "-o", "tsv").out
    assert run("-C", root, "sequence", "enroll", "kim", "welcome").code == 5
    assert run("-C", root, "sequence", "enroll", "kim", "welcome", "--again").code == 0


def test_a_draft_is_listed_and_released(root: Path, run: Run) -> None:
    path = root / "records/sequences/welcome.yaml"
    path.write_text(
        path.read_text().partition("steps:")[0] + "steps:\n- {wait: 0d, what: A, template: one, approval: draft}\n"
    )
    git(root, "commit", "-qam", "by hand")
    assert run("-C", root, "sequence", "adopt", "welcome").code == 0
    assert run("-C", root, "sequence", "migrate", "welcome", "kim").code == 0
    assert run("-C", root, "followup", "release").err == "No drafts wait.\n"
    with MailServer() as server:
        campaign_book.configure(server.port)
        run("-C", root, "--now", NOW, "followup", "run", "--send")
        assert "waits" in run("-C", root, "followup", "release").out
        assert server.recipients() == []
        assert run("-C", root, "followup", "release", "kim").code == 0
        assert run("-C", root, "followup", "release", "all").code == 3
        run("-C", root, "--now", NOW, "followup", "run", "--send")
        assert server.recipients() == ["kim@example.org"]


def test_a_server_that_is_down_is_told_and_tried_again(root: Path, run: Run) -> None:
    with MailServer() as server:
        campaign_book.configure(server.port)
    down = run("-C", root, "--now", NOW, "followup", "run", "--send", "-o", "tsv")
    assert "kim\twelcome\t1\twait" in down.out
    with MailServer() as server:
        campaign_book.configure(server.port)
        assert "went out" in run("-C", root, "--now", NOW, "followup", "run", "--send").out
        assert server.recipients() == ["kim@example.org"]


def test_a_lost_answer_is_listed_by_name_and_settled_by_hand(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = ("-C", root, "--now", NOW)
    with MailServer() as server:
        campaign_book.configure(server.port)
        server.script("kim@example.org", "dot lose")
        assert run(*crm, "followup", "run", "--send").code == 8
        (row,) = json.loads(run(*crm, "outbox", "list", "welcome", "-o", "json").out)
        assert (row["sequence"], row["step"], row["campaign"], row["customer"]) == ("welcome", 1, None, "kim")
        assert "welcome step 1  kim" in run(*crm, "outbox", "list").out
        assert run(*crm, "outbox", "list", "nothing").code == 3
        shown = run(*crm, "outbox", "show", row["sid"][:8])
        assert shown.err.endswith(": welcome step 1 to kim, unknown.\n")
        done = run(*crm, "outbox", "resolve", row["sid"], "--as", "resend", "--evidence", "she has nothing")
        assert done.code == 0
        assert "goes out again with the next run of crmctl followup run" in done.err
        assert run(*crm, "followup", "run", "--send").code == 0
        assert server.recipients() == ["kim@example.org"]
        monkeypatch.setattr(App, "terminal", property(lambda _: True))
        monkeypatch.setenv("COLUMNS", "80")
        for words in (("outbox", "list", "--all"), ("outbox", "show", row["sid"]), ("sequence", "status")):
            lines = run(*crm, *words).out.splitlines()
            assert lines
            assert max(map(len, lines)) <= 80, words


# The digest


def test_the_digest_goes_out_once_a_day_and_only_when_something_is_due(tmp_path: Path, run: Run) -> None:
    root = books.make(tmp_path / "book")
    mail = ("today", "--mail", "me@example.com")
    with MailServer() as server:
        campaign_book.configure(server.port)
        assert run("-C", root, "--now", NOW, *mail).err == "Nothing is due, so no mail would be sent.\n"
        assert run("-C", root, "--now", NOW, *mail, "--send") == (0, "", "")
        run("-C", root, "--now", NOW, "followup", "add", "Ring Kim", "--due", "today", "--customer", "kim")
        dry = run("-C", root, "--now", NOW, *mail)
        assert "Subject: Test: 1 thing to do" in dry.out
        assert "- Ring Kim · Kim · due today · ring-kim" in dry.out
        assert server.recipients() == []
        for _ in range(2):
            assert run("-C", root, "--now", NOW, *mail, "--send") == (0, "", "")
        assert server.recipients() == ["me@example.com"]
        assert run("-C", root, "--now", "2027-03-02T07:30", *mail, "--send").code == 0
        assert len(server.recipients()) == 2
        assert b"Auto-Submitted: auto-generated" in server.accepted[0].data
    assert run("-C", root, "today", "--send").code == 2


def test_a_digest_that_did_not_reach_the_server_is_tried_again(tmp_path: Path, run: Run) -> None:
    root = books.make(tmp_path / "book")
    run("-C", root, "--now", NOW, "followup", "add", "Ring Kim", "--due", "today")
    mail = ("-C", root, "--now", NOW, "today", "--mail", "me@example.com", "--send")
    with MailServer() as server:
        campaign_book.configure(server.port)
        server.script("me@example.com", "rcpt 450 4.2.0 later")
        assert run(*mail).code == 8
        assert run(*mail).code == 0
        assert server.recipients() == ["me@example.com"]


def test_a_digest_of_names_that_hold_control_characters_goes_out_with_them_shown(tmp_path: Path, run: Run) -> None:
    root = books.make(tmp_path / "book")
    path = root / "records/customers/kim.yaml"
    path.write_text(path.read_text().replace("name: Kim", 'name: "Kim\\x1b[2J\\n.\\u202e"'))
    settings = root / "crm.yaml"
    settings.write_text(settings.read_text().replace("name: Test", "name: Te\u202est"))
    git(root, "commit", "-qam", "by hand")
    run("-C", root, "--now", NOW, "followup", "add", "Ring", "--due", "today", "--customer", "kim")
    with MailServer() as server:
        campaign_book.configure(server.port)
        assert run("-C", root, "--now", NOW, "today", "--mail", "me@example.com", "--send") == (0, "", "")
        (mail,) = server.accepted
    message = message_from_bytes(mail.data, policy=policy.default)
    assert message["Subject"] == "Te\\u202est: 1 thing to do"
    assert "- Ring · Kim\\x1b[2J .\\u202e · due today · ring" in message.get_content()


def test_a_clock_that_goes_back_and_forward_sends_no_digest_twice(tmp_path: Path, run: Run) -> None:
    root = books.make(tmp_path / "book")
    run("-C", root, "--now", "2027-02-20T09:00", "followup", "add", "Ring", "--due", "today")
    with MailServer() as server:
        campaign_book.configure(server.port)
        for day in ("2027-03-01", "2027-02-28", "2027-03-01", "2027-02-28", "2027-03-02"):
            run("-C", root, "--now", f"{day}T09:00", "today", "--mail", "me@example.com", "--send")
        assert len(server.accepted) == 3


# The schedule


def test_the_lines_for_cron_name_everything_from_the_root_on(root: Path, run: Run) -> None:
    shown = run("-C", root, "schedule", "show", "--every", "30", "--mail", "me@example.com", "--at", "06:45")
    lines = [line for line in shown.out.splitlines() if not line.startswith("#")]
    assert lines[0].startswith("*/30 * * * * env PATH=/")
    assert lines[0].endswith(f"-C {root.resolve()} followup run --send")
    # What a server put off, and what waits for its hour, waits for no hand; not at the minute of the other run.
    assert lines[1].startswith("15-59/30 * * * * env PATH=/")
    assert lines[1].endswith(f"-C {root.resolve()} campaign send --send")
    assert lines[2].startswith("45 6 * * * ")
    assert lines[2].endswith("today --mail me@example.com --send")
    assert "\n30 * * * * " in run("-C", root, "schedule", "show", "--every", "60").out
    assert "MAILTO" in shown.out
    assert shown.err == "Put these lines into crontab -e, or: crmctl schedule install\n"
    assert run("-C", root, "schedule", "show", "--every", "7").code == 2
    assert run("-C", root, "schedule", "show", "--mail", "me@example.com", "--at", "25:99").code == 2


def test_the_timer_is_written_started_and_taken_away(
    root: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    (tools / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    done = run("-C", root, "schedule", "install")
    assert done.code == 0
    service, timer, others, second = done.out.splitlines()
    assert '"campaign" "send" "--send"' in Path(others).read_text()
    assert "OnCalendar=*:7/15\n" in Path(second).read_text()
    text = Path(timer).read_text()
    assert "OnCalendar=*:0/15\nPersistent=true\nRandomizedDelaySec=" in text
    text = Path(service).read_text()
    assert f'"-C" "{root.resolve()}" "followup" "run" "--send"' in text
    assert "Installed here" in run("-C", root, "schedule", "show").err
    assert (tmp_path / "asked").read_text().splitlines()[0] == "--user daemon-reload"
    gone = run("-C", root, "schedule", "uninstall")
    assert sorted(gone.out.splitlines()) == sorted([service, timer, others, second])
    assert not Path(timer).exists()
    assert "disable --now" in (tmp_path / "asked").read_text()
    assert run("-C", root, "schedule", "uninstall").err == "No timer was installed.\n"


def test_where_there_is_no_systemd_it_says_what_to_do(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmctl.services.following import scheduling

    monkeypatch.setattr(scheduling, "started", lambda _command: "no such file or directory")
    done = run("-C", root, "schedule", "install")
    assert done.code == 1
    assert "crmctl schedule show prints lines for a crontab" in done.err


def test_words_of_systemd_and_cron_are_quoted(root: Path) -> None:
    from crmctl.services.following import scheduling

    found = scheduling.plan(Book(root), ["/opt/my $100%/crmctl"], {"PATH": "/bin:relative:/bin"})
    service = scheduling.units(found)[f"{found.name}.service"]
    assert 'ExecStart="/opt/my $$100%%/crmctl" ' in service
    assert 'Environment="PATH=/bin"\n' in service
    assert "'/opt/my $100\\%/crmctl'" in scheduling.crontab(found)[-1]


def test_a_line_for_cron_is_short_enough_and_names_no_relative_folder(root: Path) -> None:
    from crmctl.errors import UsageProblem
    from crmctl.services.following import scheduling

    folders = ["/usr/bin", *(f"/store/{number:040}/bin" for number in range(60)), "/bin"]
    environ = {"PATH": ":".join(folders), "XDG_CONFIG_HOME": "here", "XDG_STATE_HOME": "/there"}
    line = scheduling.crontab(scheduling.plan(Book(root), ["/opt/crmctl"], environ))[-1]
    assert len(line.split(" ", 5)[5]) <= 990
    assert f"PATH=/usr/bin:{folders[1]}:" in line
    assert ":/bin XDG_STATE_HOME=/there /opt/crmctl -C " in line
    assert "XDG_CONFIG_HOME" not in line
    with pytest.raises(UsageProblem, match="too long"):
        scheduling.crontab(scheduling.plan(Book(root), [f"/{'x' * 1000}/crmctl"], environ))


# When the plug is pulled


def test_a_run_that_is_killed_leaves_a_doubt_and_never_a_second_mail(root: Path, run: Run) -> None:
    command = [sys.executable, "-m", "crmctl", "-C", str(root), "--now", NOW, "followup", "run", "--send"]
    victim: list[subprocess.Popen[bytes]] = []

    def kill(phase: str, _recipient: str) -> None:
        if phase == "kept" and victim:
            victim.pop().kill()

    with MailServer(on_phase=kill) as server:
        campaign_book.configure(server.port)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        victim.append(process)
        assert process.wait(60) == -9
        assert server.recipients() == ["kim@example.org"]
        for _ in range(2):
            run("-C", root, "--now", NOW, "followup", "run", "--send")
        assert server.recipients() == ["kim@example.org"]
        told = run("-C", root, "--now", NOW, "followup", "explain", "kim").out
        sid = told.rpartition("crmctl outbox resolve ")[2].split()[0]
        # Somebody looks into the server's log.
        answer = ("outbox", "resolve", sid, "--as", "accepted", "--evidence", "the log of the server")
        assert run("-C", root, "--now", NOW, *answer).code == 0
        run("-C", root, "--now", NOW, "followup", "run", "--send")
        assert [(did.what, did.subject) for did in books.one(root).log] == [("sent", "Hello Kim")]
        assert "went out" in run("-C", root, "--now", "2027-03-04T09:00", "followup", "run", "--send").out
        assert len(server.recipients()) == 2


def test_a_run_that_is_killed_before_the_end_was_handed_over_sends_again(root: Path, run: Run) -> None:
    command = [sys.executable, "-m", "crmctl", "-C", str(root), "--now", NOW, "followup", "run", "--send"]
    victim: list[subprocess.Popen[bytes]] = []

    def kill(phase: str, _recipient: str) -> None:
        if phase == "rcpt" and victim:
            victim.pop().kill()

    with MailServer(on_phase=kill) as server:
        campaign_book.configure(server.port)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        victim.append(process)
        assert process.wait(60) == -9
        assert server.recipients() == []
        assert "went out" in run("-C", root, "--now", NOW, "followup", "run", "--send").out
        assert server.recipients() == ["kim@example.org"]


def test_a_narrow_terminal_cuts_no_reason_off(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmctl.cli.app import App

    (root / "templates/one.md").unlink()
    monkeypatch.setattr(App, "width", 60)
    found = run("-C", root, "--now", NOW, "followup", "explain", "kim").out.splitlines()
    assert found == ["now · welcome · step 1 · hold · no-template", "    step 1: there is no template 'one'"]
    monkeypatch.setattr(App, "width", 200)
    assert run("-C", root, "--now", NOW, "followup", "explain", "kim").out.startswith("when  sequence  step")
