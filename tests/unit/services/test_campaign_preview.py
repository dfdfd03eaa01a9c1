"""The messages of a campaign, as files to look at."""

from __future__ import annotations

import stat
from datetime import datetime
from email import policy
from email.parser import BytesParser
from typing import TYPE_CHECKING

import pytest
from helpers.books import git
from helpers.books import write

from crmctl import clock
from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem
from crmctl.mail.identifiers import send_id
from crmctl.mail.message.compose import compose
from crmctl.services.book import Book
from crmctl.services.campaigns import preview as campaigns
from crmctl.store.yaml_writer import write_yaml

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe", "Feedback-ID", "X-Crmctl-Send"]
HEADERS += ["MIME-Version", "Content-Type"]
TEMPLATE = "---\nsubject: For {{ customer.name }}\n---\nDear *{{ customer.name }}*,\n\n[stop]({{ unsubscribe }})\n"
CAMPAIGN = "name: C\nid: 01C\npurpose: news\nsegment: s\ntemplate: t\nowner: mia\n"


@pytest.fixture
def root(book_dir: Path) -> Path:
    """A book with a campaign, a template, a sender, and nobody to write to yet."""
    clock.freeze(datetime.fromisoformat("2026-03-02T10:00:00+01:00"))
    write(
        book_dir,
        {
            "/crm.yaml": "name: Test\ncurrency: EUR\nemail: hello@example.com\n"
            "purposes: {news: consent, service: contract}\n",
            "/templates/t.md": TEMPLATE,
            "segments/s.yaml": 'name: S\nfilter: "not name:"\n',
            "campaigns/c.yaml": CAMPAIGN,
            "members/mia.yaml": "name: Mia Meyer\nemail: mia@example.com\n",
        },
    )
    return book_dir


def person(root: Path, handle: str, name: str, email: str, **more: str) -> None:
    data = {"id": f"01-{handle}", "name": name, "emails": [email], "consent": {"news": {"state": "granted"}}, **more}
    write(root, {f"customers/{handle}.yaml": write_yaml(data)})  # type: ignore[arg-type]


def parsed(folder: Path) -> dict[str, EmailMessage]:
    return {
        path.stem: BytesParser(policy=policy.default).parsebytes(path.read_bytes()) for path in sorted(folder.iterdir())
    }


def preview(root: Path, folder: Path, *, force: bool = False) -> campaigns.Preview:
    return campaigns.preview(Book(root), "c", folder, force=force)


def test_a_message_with_its_parts_and_ways_out(root: Path, tmp_path: Path) -> None:
    person(root, "ada", "Ada Lovelace", "ada@example.org")
    done = preview(root, tmp_path / "out")
    assert [handle for handle, _ in done.files] == ["ada"]
    assert (done.failed, done.others) == ([], [])
    message = parsed(tmp_path / "out")["ada"]
    assert message.keys() == HEADERS
    assert message["To"] == "Ada Lovelace <ada@example.org>"
    assert message["From"] == "Mia Meyer <mia@example.com>"
    assert message["Subject"] == "For Ada Lovelace"
    assert message["Date"].datetime == clock.now()
    assert message["List-Id"] == "<news.example.com>"
    assert message["List-Unsubscribe"] == "<mailto:hello@example.com?subject=unsubscribe%20news>"
    text, html = message.iter_parts()
    assert text.get_content().startswith("Dear *Ada Lovelace*,")
    assert "<em>Ada Lovelace</em>" in html.get_content()


def test_the_same_message_has_the_same_bytes_and_identity(root: Path, tmp_path: Path) -> None:
    person(root, "ada", "Ada", "ada@example.org")
    one, two = (preview(root, tmp_path / name).files[0][1].read_bytes() for name in ("one", "two"))
    assert one == two
    sid = send_id("01C", "01-ada", "email")
    assert f"<{sid}@example.com>".encode() in one
    assert len({sid, send_id("01C", "01-ada", "sms"), send_id("01C", "01-bob", "email")}) == 3


def test_files_are_for_their_owner_only(root: Path, tmp_path: Path) -> None:
    person(root, "ada", "Ada", "ada@example.org")
    ((_, path),) = preview(root, tmp_path / "deep" / "out").files
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


HOSTILE = {
    "comma": "Ada, bob@example.net",
    "quotes": 'A"da\\" <bob@example.net>, "',
    "angle": "<bob@example.net>",
    "word": "=?UTF-8?Q?=0A?=Bcc: bob@example.net",
    "word-two": "=?utf-8?b?CkJjYzogYm9iQGV4YW1wbGUubmV0?=",
    "bidi": "Ada \u202emoc.elpmaxe@bob",
    "colon": "Bcc: bob@example.net;",
    "group": "friends: bob@example.net;",
    "long": "A" * 900,
    "accents": "Žofie Ñandú " * 20,
    "blanks": "Ada    Lovelace",
    "template": "{{ me.name }}{% raw %}",
    "html": "<script>alert(1)</script>*[x](http://example.net)*",
}


def test_no_name_becomes_a_header_or_a_recipient(root: Path, tmp_path: Path) -> None:
    for handle, name in HOSTILE.items():
        person(root, handle, name, f"{handle}@example.org")
    done = preview(root, tmp_path / "out")
    assert [person.reason for person in done.failed] == []
    found = parsed(tmp_path / "out")
    assert sorted(found) == sorted(HOSTILE)
    for handle, message in found.items():
        assert message.keys() == HEADERS
        (to,) = message["To"].addresses
        assert to.addr_spec == f"{handle}@example.org"
        assert not message.defects
        html = message.get_body(("html",))
        assert html is not None
        assert "<script" not in html.get_content()
        assert 'href="http://example.net' not in html.get_content()
    assert found["template"]["To"].addresses[0].display_name == "{{ me.name }}{% raw %}"


@pytest.mark.parametrize("character", ["\n", "\r\n", "\r", "\u2028", "\x1b", "\x85"])
def test_a_name_with_a_line_in_it_is_refused_and_the_next_one_is_made(
    root: Path, tmp_path: Path, character: str
) -> None:
    name = f"Ada{character}Bcc: bob@example.net"
    person(root, "ada", name, "ada@example.org")
    person(root, "bob", "Bob", "bob@example.org")
    done = preview(root, tmp_path / "out")
    assert [person.handle for person in done.failed] == ["ada"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["bob.eml"]


@pytest.mark.parametrize(
    "email", ["a@example.org, b@example.net", "a@example.org\nBcc: b@example.net", "a@example.org>"]
)
def test_no_address_becomes_two(root: Path, tmp_path: Path, email: str) -> None:
    person(root, "ada", "Ada", email)
    done = preview(root, tmp_path / "out")
    assert [found.code for found in done.plan.left_out] == ["bad-address"]
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        (b"To: Ada <ada@example.org>\r\n", b"To: Ada <ada@example.org>\r\nBcc: <bob@example.net>\r\n"),
        (b"To: Ada <ada@example.org>", b"To: Ada <ada@example.org>, bob@example.net"),
        (b"Subject: For Ada", b"Subject: For Bob"),
        (b"Dear", b"Dead"),
    ],
)
def test_bytes_that_say_something_else_are_not_written(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: bytes, instead: bytes
) -> None:
    monkeypatch.setattr(
        "crmctl.services.campaigns.messages.rendering.compose", lambda meant: compose(meant).replace(found, instead, 1)
    )
    person(root, "ada", "Ada", "ada@example.org")
    (failed,) = preview(root, tmp_path / "out").failed
    assert failed.code == "refused"
    assert failed.reason.startswith("the message does not say what was meant: ")
    assert not list((tmp_path / "out").iterdir())


def test_a_missing_value_keeps_one_message_back(root: Path, tmp_path: Path) -> None:
    write(root, {"/templates/t.md": "---\nsubject: x\n---\n{{ customer.role }} {{ owner.name }}\n"})
    person(root, "ada", "Ada", "ada@example.org", role="Boss", owner="mia")
    person(root, "bob", "Bob", "bob@example.org")
    done = preview(root, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ada.eml"]
    (failed,) = done.failed
    assert (failed.handle, failed.code) == ("bob", "cannot-render")
    assert failed.reason == "customer.role is missing; owner.name is missing"


def test_a_subject_that_comes_out_empty(root: Path, tmp_path: Path) -> None:
    write(root, {"/templates/t.md": "---\nsubject: \"{{ '' }}\"\n---\nHello\n"})
    person(root, "ada", "Ada", "ada@example.org")
    (failed,) = preview(root, tmp_path / "out").failed
    assert (failed.code, failed.reason) == ("refused", "a message needs a subject")


@pytest.mark.parametrize(
    ("campaign", "template", "error", "words"),
    [
        (CAMPAIGN.replace("template: t\n", ""), "", UsageProblem, "names no template"),
        (CAMPAIGN.replace("template: t", "template: u"), "", NotFound, "no template 'u'"),
        (CAMPAIGN, "---\nsubject: x\n---\nHello\n{% if %}\n", InvalidData, r"templates/t\.md:5: "),
        (CAMPAIGN, "---\nsubject: x\npurpose: service\n---\nHello\n", InvalidData, "has the purpose service"),
        (CAMPAIGN, "---\nsubject: x\nchannel: letter\n---\nHello\n", InvalidData, "has the channel letter"),
    ],
)
def test_a_campaign_without_a_fitting_template(
    root: Path, tmp_path: Path, campaign: str, template: str, error: type[Exception], words: str
) -> None:
    write(root, {"campaigns/c.yaml": campaign, "/templates/t.md": template or TEMPLATE})
    person(root, "ada", "Ada", "ada@example.org")
    with pytest.raises(error, match=words):
        preview(root, tmp_path / "out")


@pytest.mark.parametrize(
    ("email", "words"), [("", "nobody can be named"), ("me", "no @"), ("a@b.example, c@d.example", "cannot be used")]
)
def test_without_a_sender_nothing_is_made(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, email: str, words: str
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    git(root, "config", "user.useConfigOnly", "true")
    member = f"name: Mia\nemail: {email}\n" if email else "name: Mia\n"
    write(root, {"members/mia.yaml": member, "/crm.yaml": "name: T\npurposes: {news: consent}\n"})
    with pytest.raises(InvalidData, match=words):
        preview(root, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_and_domains_beyond_ascii(root: Path, tmp_path: Path) -> None:
    write(
        root,
        {
            "/crm.yaml": "name: T\npurposes: {Rundbrief für alle: consent}\n",
            "members/mia.yaml": "name: Mïa, Meyer\nemail: mia@bücher.example\n",
            "campaigns/c.yaml": CAMPAIGN.replace("news", "rundbrief für alle"),
        },
    )
    person(root, "ada", "Ada", "ada@example.org", consent={"Rundbrief für alle": {"state": "granted"}})  # type: ignore[arg-type]
    assert preview(root, tmp_path / "out").failed == []
    message = parsed(tmp_path / "out")["ada"]
    assert message["From"].addresses[0].addr_spec == "mia@xn--bcher-kva.example"
    assert message["From"].addresses[0].display_name == "Mïa, Meyer"
    assert message["List-Id"] == "<rundbrief-fur-alle.xn--bcher-kva.example>"


def test_what_is_owed_has_no_list(root: Path, tmp_path: Path) -> None:
    write(root, {"campaigns/c.yaml": CAMPAIGN.replace("news", "service")})
    person(root, "ada", "Ada", "ada@example.org")
    preview(root, tmp_path / "out")
    assert not {"List-Id", "List-Unsubscribe"} & set(parsed(tmp_path / "out")["ada"].keys())


@pytest.mark.parametrize(
    ("channel", "form", "ending"),
    [("letter", "html", ".html"), ("letter", "txt", ".html"), ("sms", "md", ".txt"), ("phone", "md", ".txt")],
)
def test_other_channels(root: Path, tmp_path: Path, channel: str, form: str, ending: str) -> None:
    (root / "templates" / "t.md").unlink()
    body = "<p>Dear {{ customer.name }}</p>" if form == "html" else "Dear {{ customer.name }}\n"
    write(root, {f"/templates/t.{form}": body, "campaigns/c.yaml": f"{CAMPAIGN}channel: {channel}\n"})
    person(root, "ada", "Ada <b>", "", phones=["+49 30 1"], address={"street": "1", "city": "Town"})  # type: ignore[arg-type]
    person(root, "bob", "Bob", "bob@example.org")
    done = preview(root, tmp_path / "out")
    assert [path.name for _, path in done.files] == [f"ada{ending}"]
    assert ("Ada &lt;b&gt;" if ending == ".html" else "Ada <b>") in done.files[0][1].read_text()
    assert [found.code for found in done.plan.left_out] == ["no-address"]


def test_a_folder_with_something_in_it_is_left_alone(root: Path, tmp_path: Path) -> None:
    person(root, "ada", "Ada", "ada@example.org")
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Conflict, match="is not empty"):
        preview(root, tmp_path)
    assert not (tmp_path / "ada.eml").exists()


def test_by_force_it_says_what_stood_there_before(root: Path, tmp_path: Path) -> None:
    person(root, "ada", "Ada", "ada@example.org")
    person(root, "bob", "Bob", "bob@example.org")
    preview(root, tmp_path / "out")
    (root / "records" / "customers" / "bob.yaml").unlink()
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "out" / "ada.eml").unlink()
    (tmp_path / "out" / "ada.eml").symlink_to(victim)
    done = preview(root, tmp_path / "out", force=True)
    assert [handle for handle, _ in done.files] == ["ada"]
    assert done.others == ["bob.eml"]
    assert victim.read_text() == "mine"


def test_a_folder_that_cannot_be_made(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="file is a file"):
        preview(root, tmp_path / "file")
    with pytest.raises(StorageFailed, match="cannot make the folder"):
        preview(root, tmp_path / "file" / "below")


def test_a_file_that_cannot_be_written(root: Path, tmp_path: Path) -> None:
    person(root, "ada", "Ada", "ada@example.org")
    (tmp_path / "out" / "ada.eml").mkdir(parents=True)
    with pytest.raises(StorageFailed, match=r"ada\.eml: cannot write"):
        preview(root, tmp_path / "out", force=True)
