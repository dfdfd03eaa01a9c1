"""The user's own settings: what they may say, who may write them, and what never comes out of them."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

import pytest

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import NoBook
from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem
from crmctl.mail.message.compose import Sender
from crmctl.mail.transport.pacing import Rate
from crmctl.mail.transport.smtp import Smtp
from crmctl.services.book import Book
from crmctl.services.mailing import config
from crmctl.services.mailing import host
from crmctl.services.mailing import outgoing
from crmctl.services.mailing import secrets
from crmctl.services.mailing.config import Access
from crmctl.services.mailing.config import Dkim
from crmctl.services.mailing.config import Inbox
from crmctl.services.mailing.config import MailServer
from crmctl.services.mailing.config import SmsSpool
from crmctl.services.mailing.config import Unsubscribe
from crmctl.services.mailing.config import UserConfig

WHOLE = """\
mail:
  from: Ada Lovelace <ada@example.com>
  server: smtp.example.com
  port: 465
  security: tls
  user: ada
  password_command: pass show mail
  bounces: bounces@bücher.example
  rate: {minute: 20, hour: 500, day: 2000, domain_minute: 10}
  unsubscribe:
    mailto: unsub@example.com
    https: https://example.com/u
  dkim: {selector: s1, domain: example.com, key: /etc/dkim.pem}
inbox: {maildir: /home/ada/Maildir}
"""


def written(text: str, mode: int = 0o600) -> Path:
    path = config.default_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def read(text: str, mode: int = 0o600) -> UserConfig:
    return config.read(written(text, mode))


def faults(text: str, mode: int = 0o600) -> list[str]:
    with pytest.raises(InvalidData) as caught:
        read(text, mode)
    return [f"{problem.line}: {problem.message}" for problem in caught.value.problems]


# What it may say


def test_a_whole_file_is_understood() -> None:
    found = read(WHOLE)
    assert found.mail == MailServer(
        sender=Sender("Ada Lovelace", "ada@example.com"),
        host="smtp.example.com",
        port=465,
        security="tls",
        access=Access(user="ada", password_command="pass show mail"),
        bounces="bounces@xn--bcher-kva.example",
        rate=Rate(minute=20, hour=500, day=2000, domain_minute=10),
        unsubscribe=Unsubscribe("unsub@example.com", "https://example.com/u"),
        dkim=Dkim("s1", "example.com", "/etc/dkim.pem"),
    )
    assert found.inbox == Inbox("maildir", path="/home/ada/Maildir")
    assert found.warnings == ()


def test_little_is_enough() -> None:
    found = read("mail: {server: smtp.example.com}")
    assert (found.require_mail().port, found.require_mail().security) == (587, "starttls")
    assert read("mail: {sendmail: ~/bin/msmtp}").require_mail().sendmail == str(Path.home() / "bin/msmtp")
    assert read("mail: {server: 127.0.0.1, security: none, port: 2525}").require_mail().port == 2525
    assert read("mail: {server: mx.example.com, security: none, insecure: yes}").require_mail().port == 25
    assert read("mail: {server: h, from: ada@example.com}").require_mail().sender == Sender("", "ada@example.com")


@pytest.mark.parametrize("text", ["", "# nothing yet\n\n", "mail:\n"])
def test_nothing_set_up_is_no_error_before_it_is_needed(text: str) -> None:
    found = read(text)
    assert (found.mail, found.inbox) == (None, None)
    with pytest.raises(NoBook, match="no mail server"):
        found.require_mail()
    with pytest.raises(NoBook, match="no inbox"):
        found.require_inbox()


def test_no_file_is_nothing_set_up() -> None:
    assert config.read() == UserConfig(path=Path(os.environ["XDG_CONFIG_HOME"]) / "crmctl" / "config.yaml")


@pytest.mark.parametrize(
    ("text", "inbox"),
    [
        ("inbox: {mbox: /var/mail/ada}", Inbox("mbox", path="/var/mail/ada")),
        (
            "inbox: {imap: imap.example.com, user: ada, password_command: p, folder: CRM}",
            Inbox("imap", host="imap.example.com", access=Access("ada", password_command="p"), folder="CRM"),
        ),
        (
            "inbox:\n  imap: {host: h, user: ada, auth: xoauth2, token_command: t, security: starttls}",
            Inbox("imap", host="h", port=143, security="starttls", access=Access("ada", "xoauth2", token_command="t")),
        ),
    ],
)
def test_inboxes(text: str, inbox: Inbox) -> None:
    assert read(text).require_inbox() == inbox


# What is wrong


@pytest.mark.parametrize("kind", ["gammu", "smstools"])
def test_text_messages_leave_by_a_folder(kind: str) -> None:
    found = read(f"sms:\n  {kind}: /var/spool/{kind}\n")
    assert (found.sms, found.mail) == (SmsSpool(kind, f"/var/spool/{kind}"), None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sms: {}\n", "1: sms: one of `gammu` and `smstools` says where text messages leave"),
        ("sms: {gammu: /a, smstools: /b}\n", "1: sms: one of `gammu` and `smstools` says where text messages leave"),
        ("sms: {gammu: spool}\n", "1: sms.gammu: 'spool' should be an absolute path"),
        ("sms: {gamu: /a}\n", "1: sms.gamu: there is no such setting"),
    ],
)
def test_what_is_wrong_with_text_messages_is_named(text: str, words: str) -> None:
    assert words in faults(text)


def test_all_that_is_wrong_is_listed_with_its_line() -> None:
    text = """\
mail:
  server: smtp.example.com
  prot: 25
  security: tsl
  user: ada
  from: Ada <ada@example.com
  bounces: bounces
  rate:
    minute: many
    weekly: 5
  unsubscribe:
    https: http://example.com
  dkim: {selector: s1}
mial: {}
"""
    assert faults(text) == [
        "4: mail.security: 'tsl' is none of starttls, tls, none",
        "6: mail.from: 'Ada <ada@example.com' should look like Ada Lovelace <ada@example.com>",
        "5: mail.user: nothing says how to get the password of 'ada' (password_command, keyring)",
        "7: mail.bounces: this is not an address to write to: 'bounces' (there is no @)",
        "9: mail.rate.minute: 'many' is not a number from 0 to 1,000,000,000",
        "10: mail.rate.weekly: there is no such setting",
        "12: mail.unsubscribe.https: 'http://example.com' is not an https:// address",
        "13: mail.dkim: `domain` is missing",
        "13: mail.dkim: `key` is missing",
        "3: mail.prot: there is no such setting",
        "14: mial: there is no such setting",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mail: {port: 25}", "either `server` or `sendmail`"),
        ("mail: {server: h, sendmail: /usr/sbin/sendmail}", "either `server` or `sendmail`"),
        ("mail: {sendmail: sendmail}", "should be an absolute path"),
        ("mail: {sendmail: ~nobody-there/x}", "no such home folder"),
        ("mail: {server: mail.example.com, security: none}", "in clear"),
        ("mail: {server: 127.evil.example, security: none}", "in clear"),
        ("mail: {server: h, port: 70000}", "not a number from 0 to 65,535"),
        ("mail: {server: h, insecure: maybe}", "neither yes nor no"),
        ("mail: {server: h, user: a, password_command: x, keyring: yes}", "only one of"),
        ("mail: {server: h, password_command: x}", "no `user`"),
        ("mail: {server: h, user: a, token_command: x}", "go together"),
        ("mail: {server: h, user: a, auth: xoauth2, password_command: x}", "go together"),
        ("mail: {server: h, helo: two words}", "one word"),
        ("mail: {server: h, from: a b@x.example}", "not an address"),
        ("mail: {server: [a, b]}", "one line of text"),
        ("mail: {server: h, rate: fast}", "lines of `name: value`"),
        ("mail: [a]", "lines of `name: value`"),
        ("inbox: {maildir: /a, mbox: /b}", "one of `maildir`, `mbox` and `imap`"),
        ("inbox: {}", "one of `maildir`, `mbox` and `imap`"),
        ("inbox:\n  imap: {host: h}", "`user` is missing"),
    ],
)
def test_what_is_wrong_is_named(text: str, words: str) -> None:
    assert any(words in fault for fault in faults(text)), faults(text)


def test_a_file_that_cannot_be_read_as_yaml_says_where() -> None:
    with pytest.raises(InvalidData, match=r"config\.yaml:3"):
        read("mail:\n  server: [\n")


# Who may read and write it


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666])
def test_a_file_that_others_can_write_is_refused(mode: int) -> None:
    with pytest.raises(InvalidData, match="written to by others") as caught:
        read(WHOLE, mode)
    assert caught.value.hint.startswith("chmod 600 ")


def test_a_file_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(WHOLE)
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    if owner == 0:
        assert config.read(path).mail is not None
        os.chown(path, 4711, -1)
    with pytest.raises(InvalidData, match="belongs to somebody else"):
        config.read(path)


def test_a_password_in_clear_is_for_the_user_alone_and_warned_about() -> None:
    text = "mail: {server: h, user: ada, password: hunter2}"
    with pytest.raises(InvalidData, match="others can read") as caught:
        read(text, 0o644)
    assert caught.value.hint.startswith("chmod 600 ")
    assert "hunter2" not in str(caught.value)
    found = read(text)
    assert "in clear" in found.warnings[0]
    assert "hunter2" not in repr(found)
    assert secrets.password(found.require_mail()) == "hunter2"


def test_a_file_that_cannot_be_read_or_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        config.read(tmp_path)
    with pytest.raises(InvalidData, match="too large"):
        read("#" * 300_000)


# Secrets


def server(**access: object) -> MailServer:
    return MailServer(host="smtp.example.com", access=Access(user="ada", **access))  # type: ignore[arg-type]


def command(folder: Path, script: str) -> str:
    path = folder / "show password"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return f"'{path}' --for mail"


def test_the_first_line_of_a_command_is_the_password(tmp_path: Path) -> None:
    assert (
        secrets.password(server(password_command=command(tmp_path, "printf 'p\\303\\244ss w\\r\\nuser: x\\n'")))
        == "päss w"
    )
    token = server(auth="xoauth2", token_command=command(tmp_path, 'echo "$1 $2"'))
    assert secrets.password(token) == "--for mail"
    assert secrets.password(server()) == ""


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    assert secrets.password(server(password_command="echo $HOME; rm `x`")) == "$HOME; rm `x`"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo hunter2 >&2; echo hunter2; exit 3", "exit status 3"),
        ("true", "printed no text"),
        ("printf '\\377\\376hunter2'", "printed no text"),
        ("echo hunter2; exec sleep 60", "more than 1 seconds"),
    ],
)
def test_a_command_that_fails_is_named_without_what_it_said(
    tmp_path: Path, script: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CrmError, match=words) as caught:
        secrets.password(server(password_command=command(tmp_path, script)), time_limit=1)
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.hint + "".join(capfd.readouterr())
    assert "hunter2" not in shown
    assert "--for" not in shown


@pytest.mark.parametrize("words", ["'open", " ", "/no/such/program x"])
def test_what_is_no_command_is_named(words: str) -> None:
    with pytest.raises(CrmError, match="password_command"):
        secrets.password(server(password_command=words))


def test_the_keyring_is_asked_by_server_and_user(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring")
    asked = {("smtp.example.com", "ada"): "hunter2"}
    monkeypatch.setattr(keyring, "get_password", lambda service, user: asked.get((service, user)))
    assert secrets.password(server(keyring=True)) == "hunter2"
    asked.clear()
    with pytest.raises(CrmError, match="no password of ada") as caught:
        secrets.password(server(keyring=True))
    assert caught.value.hint == "keyring set smtp.example.com ada"

    def locked(*_: str) -> str:
        raise keyring.errors.KeyringLocked("hunter2")

    monkeypatch.setattr(keyring, "get_password", locked)
    with pytest.raises(CrmError, match="KeyringLocked"):
        secrets.password(server(keyring=True))


def test_without_a_keyring_the_way_to_get_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(CrmError) as caught:
        secrets.password(server(keyring=True))
    assert caught.value.hint == "pip install 'crmctl[mail]'"
    assert isinstance(sys.modules.get("keyring.errors", ModuleType("x")), ModuleType)


def test_settings_become_a_way_out(tmp_path: Path) -> None:
    out = outgoing.transport(read(WHOLE).require_mail())
    assert isinstance(out, Smtp)
    assert (out.server.host, out.server.port, out.server.security) == ("smtp.example.com", 465, "tls")
    sendmail = outgoing.transport(MailServer(sendmail="/usr/sbin/sendmail"))
    assert vars(sendmail)["path"] == "/usr/sbin/sendmail"


# Which machine this is


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    path = tmp_path / "machine-id"
    path.write_text("0123456789abcdef0123456789abcdef\n")
    return path


def test_a_machine_stays_itself(machine: Path) -> None:
    first = host.host(machine)
    assert first.id.startswith("lap-")
    assert len(first.id) == 12
    assert host.host_id(machine) == first.id
    assert not first.adopted
    assert first.path.stat().st_mode & 0o777 == 0o600
    assert first.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_copied_home_is_another_machine_until_it_adopts(machine: Path, tmp_path: Path) -> None:
    old = host.host_id(machine)
    other = tmp_path / "other-machine-id"
    other.write_text("fedcba9876543210fedcba9876543210\n")
    new = host.host_id(other)
    assert new != old
    adopted = host.adopt(old, other)
    assert (adopted.id, adopted.own, adopted.adopted) == (old, new, True)
    assert host.host_id(other) == old
    # A copy of that file, elsewhere, has adopted nothing.
    third = tmp_path / "third"
    third.write_text("0000\n")
    assert host.host_id(third) not in (old, new)
    assert host.adopt(new, other).adopted is False


def test_another_random_number_is_another_machine(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = host.host(machine)
    first.path.unlink()
    assert host.host_id(machine) != first.id
    monkeypatch.setenv("XDG_STATE_HOME", str(first.path.parent / "elsewhere"))
    assert host.state_path() == first.path.parent / "elsewhere" / "crmctl" / "host"


def test_where_there_is_no_machine_id_its_name_serves(tmp_path: Path) -> None:
    assert host.host_id(tmp_path / "nothing") == host.host_id(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["", "any", "Lap-A", "a b", "a\nb", "-a", "x" * 40, "lap_a"])
def test_only_ids_can_be_adopted(machine: Path, name: str) -> None:
    with pytest.raises(UsageProblem):
        host.adopt(name, machine)


@pytest.mark.parametrize("text", ["", "seed 12\n", "seed zz\nadopted x\n"])
def test_a_damaged_file_makes_no_new_machine(machine: Path, text: str) -> None:
    path = host.host(machine).path
    path.write_text(text)
    with pytest.raises(InvalidData, match="damaged"):
        host.host_id(machine)


def test_a_folder_that_cannot_be_used_is_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(machine))
    with pytest.raises(StorageFailed):
        host.host_id(machine)


def test_a_file_that_is_none_is_named(machine: Path) -> None:
    host.state_path().mkdir(parents=True)
    with pytest.raises(StorageFailed):
        host.host_id(machine)


def test_two_that_begin_at_once_agree(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.link

    def beaten(source: object, target: Path) -> None:
        Path(target).write_text(f"seed {'0' * 32}\n")
        real(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", beaten)
    first = host.host_id(machine)
    monkeypatch.undo()
    assert host.host_id(machine) == first


def test_mail_is_kept_where_no_checkout_reaches(book_dir: Path) -> None:
    book = Book(book_dir)
    assert host.mail_state(book) == book_dir / ".git" / "crmctl" / "mail"
    inner = book_dir / "crm"
    inner.mkdir()
    (inner / "crm.yaml").write_text("name: inner\n")
    assert host.mail_state(Book(inner)) == book_dir / ".git" / "crmctl" / "mail" / "books" / "crm"
