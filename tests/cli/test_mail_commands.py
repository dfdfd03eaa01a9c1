"""``crmctl mail`` and ``crmctl host``: looking at the way out, trying it, and which machine this is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.smtp_server import MailServer

from crmctl import errors
from crmctl.services.mailing import config
from crmctl.services.mailing import doctor
from crmctl.services.mailing import domains
from crmctl.services.mailing import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Run

GOOD = {
    ("crm.example", "TXT"): ["v=spf1 include:_spf.crm.example -all", "other"],
    ("_spf.crm.example", "TXT"): ["v=spf1 ip4:192.0.2.1 a mx -all"],
    ("_dmarc.crm.example", "TXT"): ["v=DMARC1; p=reject"],
    ("crm.example", "MX"): ["10 mx.crm.example."],
}


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer(users={"ada": "secret"}) as made:
        yield made


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], list[str]]:
    """The DNS of these tests."""
    known = dict(GOOD)

    def lookup(name: str, kind: str) -> list[str]:
        if name == "broken.example":
            raise domains.LookupFailed("broken.example could not be looked up: Timeout")
        return known.get((name, kind), [])

    monkeypatch.setattr(names, "resolver", lambda: lookup)
    return known


def settings(server: MailServer, more: str = "", sender: str = "Ada <ada@crm.example>") -> Path:
    path = config.default_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"mail:\n  from: {sender}\n  server: 127.0.0.1\n  port: {server.port}\n  security: none\n"
        f"  user: ada\n  password_command: echo secret\n{more}"
    )
    path.chmod(0o600)
    return path


def found(run: Run, *options: str) -> dict[str, tuple[str, str]]:
    """State and words of each finding; of two about the same thing, the worse."""
    done = run("mail", "doctor", "-o", "json", *options)
    items = json.loads(done.out)
    order = {"ok": 0, "warn": 1, "bad": 2}
    items.sort(key=lambda item: order[item["state"]])
    assert done.code == (errors.FAILED if items[-1]["state"] == "bad" else errors.OK)
    return {item["what"]: (item["state"], f"{item['found']} {item['hint']}") for item in items}


WELL = """\
  bounces: bounces@crm.example
  rate: {minute: 20, domain_minute: 5}
  unsubscribe: {mailto: unsub@crm.example}
"""


def test_all_is_well(run: Run, server: MailServer, zone: object) -> None:
    path = settings(server, WELL)
    done = run("mail", "doctor")
    assert done.code == errors.OK
    assert "warn" not in done.out
    assert [line.split("  ")[0] for line in done.out.splitlines()] == ["ok"] * 10
    assert str(path) in done.out
    assert "logged in as ada" in done.out
    assert "bounces+SEND-ID@crm.example" in done.out
    assert "20 a minute" in found(run)["rate"][1]
    assert server.accepted == []
    assert ("mail", "") not in server.phases


def test_the_secret_is_nowhere_to_be_seen(run: Run, server: MailServer, zone: object) -> None:
    settings(server)
    for words in (("mail", "doctor"), ("mail", "doctor", "-o", "json"), ("mail", "test", "ada@crm.example", "--send")):
        done = run(*words)
        assert "secret" not in done.out + done.err
    server.users["ada"] = "another"
    done = run("--debug", "mail", "test", "ada@crm.example", "--send")
    assert done.code == errors.NOT_SENT
    assert "not sent: the server does not let us in: 535" in done.err
    assert done.err.count("535") == 1
    assert "secret" not in done.out + done.err


def test_what_stands_in_the_way_is_named(run: Run, server: MailServer, zone: object) -> None:
    settings(server)
    server.users["ada"] = "another"
    assert found(run)["server"][0] == "bad"
    assert "535" in found(run)["server"][1]
    assert found(run, "--no-connect")["server"] == ("ok", f"127.0.0.1, port {server.port}, none (not tried) ")


def test_senders_and_bounces_that_do_not_fit_are_warned_about(run: Run, server: MailServer, zone: object) -> None:
    settings(server, sender="Ada <ada@gmail.com>")
    assert found(run)["from"][0] == "warn"
    settings(server, "  bounces: bounces@other.example\n")
    assert "another domain" in found(run)["bounces"][1]
    settings(server, f"  bounces: {'b' * 40}@crm.example\n")
    assert found(run)["bounces"][0] == "bad"
    settings(server, "  bounces: bounces@mail.crm.example\n")
    assert found(run)["bounces"][0] == "ok"


def test_without_much_there_is_much_to_say(run: Run, tmp_path: Path, zone: object) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mail: {sendmail: /no/such/sendmail}\n")
    said = found(run, "--config", str(path))
    assert {what for what, (state, _) in said.items() if state == "warn"} == {"from", "bounces", "rate", "unsubscribe"}
    assert said["server"][0] == "bad"
    path.write_text("mail: {sendmail: /bin/true}\ninbox: {maildir: /no/such}\n")
    assert found(run, "--config", str(path))["server"] == ("ok", "/bin/true ")
    assert found(run, "--config", str(path))["inbox"][0] == "bad"
    (tmp_path / "mbox").touch()
    path.write_text(f"mail: {{sendmail: /bin/true}}\ninbox: {{mbox: {tmp_path}/mbox}}\n")
    assert found(run, "--config", str(path))["inbox"] == ("ok", f"{tmp_path}/mbox ")
    path.write_text(
        "mail: {server: h, security: none, insecure: yes}\n"
        "inbox: {imap: imap.x.example, user: a, password_command: b}\n"
    )
    said = found(run, "--config", str(path), "--no-connect")
    assert said["inbox"] == ("ok", "imap.x.example, port 993, tls (not tried) ")


def test_keys_for_signing_are_looked_at(
    run: Run,
    server: MailServer,
    zone: dict[tuple[str, str], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = tmp_path / "dkim.pem"
    more = f"  dkim: {{selector: s1, domain: crm.example, key: {key}}}\n"
    settings(server, more)
    assert "no such file" in found(run)["signing"][1]
    key.write_text("nothing\n")
    assert "no private key" in found(run)["signing"][1]
    made = subprocess.run(["openssl", "genrsa", "-traditional", "1024"], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("openssl makes no key here")
    key.write_bytes(made.stdout)
    key.chmod(0o644)
    assert "read by others" in found(run)["signing"][1]
    key.chmod(0o600)
    assert found(run)["signing"][0] == "ok"
    assert found(run)["DKIM of crm.example"][0] == "bad"
    public = subprocess.run(
        ["openssl", "rsa", "-in", str(key), "-pubout"], capture_output=True, check=True, text=True
    ).stdout
    packed = "".join(line for line in public.splitlines() if not line.startswith("-"))
    record = zone[("s1._domainkey.crm.example", "TXT")] = [f"v=DKIM1; k=rsa; p={packed}"]
    assert found(run)["DKIM of crm.example"][0] == "ok"
    record[0] = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    assert found(run)["DKIM of crm.example"] == ("ok", "s1._domainkey.crm.example ")
    record[0] = "v=DKIM1; p=AAA"
    assert "not that of" in found(run)["DKIM of crm.example"][1]
    record[0] = "v=DKIM1; p=AAAA"
    assert found(run)["DKIM of crm.example"] == ("ok", "s1._domainkey.crm.example ")
    monkeypatch.setitem(sys.modules, "dkim.crypto", None)
    record[0] = f"v=DKIM1; p={packed}"
    assert found(run)["DKIM of crm.example"] == ("ok", "s1._domainkey.crm.example ")
    record[0] = "v=DKIM1; p="
    assert "revoked" in found(run)["DKIM of crm.example"][1]
    settings(server, more.replace("crm.example", "other.example"))
    assert "not the domain of" in found(run)["signing"][1]


@pytest.mark.parametrize(
    ("name", "records", "what", "state", "words"),
    [
        ("crm.example", [], "SPF", "warn", "no record"),
        ("crm.example", ["v=spf1 a -all", "v=spf1 mx -all"], "SPF", "bad", "2 records"),
        ("crm.example", ["v=spf1 +all"], "SPF", "bad", "everybody"),
        ("crm.example", ["v=spf1 mx"], "SPF", "warn", "does not say"),
        ("crm.example", ["v=spf1 redirect=_spf.crm.example"], "SPF", "ok", "3 lookups"),
        ("crm.example", ["v=spf1 " + "a:x.example " * 11 + "-all"], "SPF", "bad", "more than 10"),
        ("crm.example", ["v=spf1 include:crm.example include:%{i}.x.example ~all"], "SPF", "ok", "2 lookups"),
        ("_dmarc.crm.example", [], "DMARC", "warn", "no record"),
        ("_dmarc.crm.example", ["v=DMARC1; p=none; pct=50"], "DMARC", "warn", "pct mean nothing"),
        ("_dmarc.crm.example", ["v=DMARC1"], "DMARC", "warn", "no valid p="),
    ],
)
def test_what_the_dns_says_is_judged(
    run: Run,
    server: MailServer,
    zone: dict[tuple[str, str], list[str]],
    name: str,
    records: list[str],
    what: str,
    state: str,
    words: str,
) -> None:
    settings(server)
    zone[(name, "TXT")] = records
    result = found(run)[f"{what} of crm.example"]
    assert result[0] == state
    assert words in result[1]


def test_a_policy_of_the_domain_above_counts(
    run: Run, server: MailServer, zone: dict[tuple[str, str], list[str]]
) -> None:
    settings(server, sender="ada@a.b.c.d.e.f.g.h.crm.example")
    zone[("_dmarc.crm.example", "TXT")] = ["v=DMARC1; p=reject; sp=quarantine"]
    found_all = found(run)
    assert found_all["DMARC of a.b.c.d.e.f.g.h.crm.example"] == ("ok", "p=quarantine at _dmarc.crm.example ")
    assert found_all["mail for a.b.c.d.e.f.g.h.crm.example"][0] == "bad"


def test_a_dns_that_does_not_answer_is_a_warning(run: Run, server: MailServer, zone: object) -> None:
    settings(server, sender="ada@broken.example")
    assert found(run)["DNS"][0] == "warn"
    assert found(run, "--offline")["DNS"] == ("ok", "not asked SPF, DKIM and DMARC are looked up without --offline")


def test_an_argument_that_is_no_address_is_told_apart_from_a_record(run: Run, server: MailServer) -> None:
    settings(server)
    done = run("mail", "test", "not an address")
    assert done.code != 0
    assert "hint: Write it as ada@example.com." in done.err
    assert "record" not in done.err


def test_without_dnspython_the_dns_is_left_alone(run: Run, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(server)
    monkeypatch.setitem(sys.modules, "dns", None)
    assert "crmctl[mail]" in found(run)["DNS"][1]


def test_dnspython_is_asked_as_it_wants_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    resolvers = pytest.importorskip("dns.resolver")
    from dns import exception
    from dns import rdata
    from dns import rdatatype

    texts = {"TXT": ['"v=spf1 " "-all"'], "MX": ["20 b.example.", "10 a.example."]}

    def resolve(name: str, kind: str, lifetime: float) -> list[object]:
        if name == "nothing.example":
            raise resolvers.NXDOMAIN
        if name == "slow.example":
            raise exception.Timeout
        return [rdata.from_text("IN", rdatatype.from_text(kind), text) for text in texts[kind]]

    monkeypatch.setattr(resolvers, "resolve", resolve)
    lookup = names.resolver()
    assert lookup is not None
    assert lookup("x.example", "TXT") == ["v=spf1 -all"]
    assert lookup("x.example", "MX") == ["10 a.example.", "20 b.example."]
    assert lookup("nothing.example", "TXT") == []
    with pytest.raises(domains.LookupFailed, match="Timeout"):
        lookup("slow.example", "TXT")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a.example", "A.example", True),
        ("mail.a.example", "a.example", True),
        ("x.shop.example", "y.shop.example", True),
        ("x.co.uk", "y.co.uk", False),
        ("a.x.co.uk", "b.x.co.uk", True),
        ("a.example", "b.example", False),
    ],
)
def test_domains_of_one_owner_are_aligned(one: str, other: str, same: bool) -> None:
    assert domains.aligned(one, other) is same
    assert domains.aligned(other, one) is same


def test_the_settings_have_to_be_there_and_right(run: Run, server: MailServer) -> None:
    done = run("mail", "doctor")
    assert (done.code, "docs/mail-setup.md" in done.err) == (errors.NO_BOOK, True)
    settings(server).write_text("mail:\n  server: h\n  prot: 1\n")
    done = run("mail", "doctor")
    assert done.code == errors.INVALID
    assert "config.yaml:3" in done.err


# Trying it


def test_a_test_message_is_shown_first(run: Run, server: MailServer) -> None:
    settings(server)
    done = run("mail", "test", "Ada@crm.example")
    assert done.code == errors.OK
    assert "To: Ada@crm.example" in done.out.splitlines()
    assert "--send sends it" in done.err
    assert server.connections == 0


def test_a_test_message_arrives(run: Run, server: MailServer) -> None:
    settings(server, "  bounces: bounces@crm.example\n")
    done = run("mail", "test", "ada@crm.example", "--send", "--now", "2026-11-22T12:00")
    assert (done.code, done.out) == (errors.OK, "")
    assert "Sent to ada@crm.example" in done.err
    (kept,) = server.accepted
    assert (kept.recipient, kept.user) == ("ada@crm.example", "ada")
    assert kept.sender.startswith("bounces+")
    assert b"\r\nDate: Sun, 22 Nov 2026 12:00:00 +0000\r\n" in kept.data
    assert kept.data.startswith(b"From: Ada <ada@crm.example>\r\n")


def test_a_test_message_that_is_not_taken_is_told(run: Run, server: MailServer) -> None:
    settings(server)
    server.script("ada@crm.example", "rcpt 550 5.1.1 no such user", "dot drop")
    done = run("mail", "test", "ada@crm.example", "--send")
    assert (done.code, "not sent (rejected, rcpt): 550 5.1.1 no such user" in done.err) == (errors.NOT_SENT, True)
    done = run("mail", "test", "ada@crm.example", "--send")
    assert (done.code, "not sent (unknown, dot)" in done.err) == (errors.NOT_SENT, True)


def test_a_test_message_needs_a_sender_and_an_address(run: Run, server: MailServer) -> None:
    path = settings(server)
    assert run("mail", "test", "nobody").code == errors.INVALID
    path.write_text(path.read_text().replace("  from: Ada <ada@crm.example>\n", ""))
    assert run("mail", "test", "ada@crm.example").code == errors.USAGE


def test_a_password_in_clear_is_warned_about(run: Run, server: MailServer) -> None:
    path = settings(server)
    path.write_text(path.read_text().replace("password_command: echo secret", "password: secret"))
    done = run("mail", "test", "ada@crm.example", "--send")
    assert done.code == errors.OK
    assert "password in clear" in done.err
    assert "password in clear" in found(run, "--offline")["settings"][1]


def test_what_is_allowed_and_not_wise_is_warned_about(run: Run, server: MailServer) -> None:
    more = "  insecure: yes\n  unsubscribe:\n    mailto: u@crm.example\n    https: https://crm.example/u\n"
    settings(server, more)
    said = found(run, "--offline")
    assert said["server"] == ("warn", "mail and passwords travel in clear Set security: starttls or tls.")
    assert "nothing is signed" in said["unsubscribe"][1]


# Which machine this is


def test_a_machine_has_an_id_and_takes_the_place_of_another(run: Run) -> None:
    first = run("host", "show")
    own = first.out.strip()
    assert (first.code, own[:4]) == (errors.OK, "lap-")
    refused = run("host", "adopt", "lap-other")
    assert (refused.code, "gone for good" in refused.err) == (errors.USAGE, True)
    done = run("host", "adopt", "lap-other", "--yes")
    assert done.err == f"This machine is lap-other from now on; its own id is {own}\n"
    (shown,) = json.loads(run("host", "show", "-o", "json").out)
    assert (shown["host"], shown["own"], shown["adopted"]) == ("lap-other", own, "yes")
    assert Path(shown["file"]).is_relative_to(os.environ["HOME"])
    assert "already" in run("host", "adopt", "lap-other").err
    assert run("host", "adopt", own).err == f"This machine is itself again: {own}\n"
    assert run("host", "show").out.strip() == own
    assert run("host", "adopt", "any", "--yes").code == errors.USAGE


def of_folder(folder: Path) -> tuple[str, str]:
    """What is found about the folder that text messages are put into, where no mail server is set up."""
    own = config.UserConfig(sms=config.SmsSpool("gammu", str(folder)))
    (said,) = (one for one in doctor.findings(own, None) if one.what == "sms")
    return said.state, said.found


def test_doctor_looks_at_the_folder_of_text_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "outbox"
    assert of_folder(folder) == ("bad", f"{folder}: no such file or directory")
    folder.touch()
    assert of_folder(folder) == ("bad", f"{folder} is no folder")
    folder.unlink()
    folder.symlink_to(tmp_path)
    assert of_folder(folder) == ("bad", f"{folder} is a link")
    folder.unlink()
    folder.mkdir()
    assert of_folder(folder) == ("ok", f"{folder} (gammu)")
    with monkeypatch.context() as patch:
        patch.setattr("os.access", lambda *_: False)
        assert of_folder(folder) == ("bad", f"{folder} cannot be written to")


def test_doctor_says_when_nobody_else_can_read_text_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr("os.getuid", lambda: owner + 1)
    assert of_folder(tmp_path)[0] == "warn"
    tmp_path.chmod(0o2770)
    assert of_folder(tmp_path)[0] == "ok"


def test_doctor_needs_one_way_out(run: Run, tmp_path: Path) -> None:
    path = config.default_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"sms:\n  smstools: {tmp_path}\n")
    path.chmod(0o600)
    assert found(run).keys() == {"settings", "this machine", "sms"}
    path.write_text("")
    assert run("mail", "doctor").code == errors.NO_BOOK
