"""Files, invitations, ways off a list and signatures of a campaign's messages, from the records to the bytes."""

from __future__ import annotations

import subprocess
from datetime import datetime
from email import policy
from email.parser import BytesParser
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.books import write

from crmctl import clock
from crmctl.mail import tokens
from crmctl.mail.identifiers import send_id
from crmctl.mail.message.compose import Sender
from crmctl.services import template_check
from crmctl.services.book import Book
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns.audience import Recipient
from crmctl.services.campaigns.messages.rendering import Made
from crmctl.services.campaigns.messages.rendering import Renderer
from crmctl.services.campaigns.messages.rendering import wording
from crmctl.services.consenting import keys
from crmctl.services.mailing.config import Dkim
from crmctl.services.mailing.config import MailServer
from crmctl.services.mailing.config import Unsubscribe
from crmctl.services.mailing.config import default_path
from crmctl.store.yaml_writer import write_yaml

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

ADA = Recipient("ada", "Ada Lovelace", "ada@example.org", "01-ada")


@pytest.fixture
def root(book_dir: Path) -> Path:
    """A book with one customer and a campaign, whose template every test writes for itself."""
    clock.freeze(datetime.fromisoformat("2026-03-02T10:00:00+01:00"))
    write(
        book_dir,
        {
            "/crm.yaml": "name: Chinook Records\ncurrency: EUR\nemail: hello@example.com\ntimezone: Europe/Berlin\n"
            "postal_address: High Street 1, 12345 Town\npurposes: {news: consent, service: contract}\n",
            "segments/s.yaml": 'name: S\nfilter: "not name:"\n',
            "campaigns/c.yaml": "name: C\nid: 01C\npurpose: news\nsegment: s\ntemplate: t\n",
            "campaigns/own.yaml": "name: Own\nid: 01D\npurpose: service\nsegment: s\ntemplate: t\n",
            "customers/ada.yaml": write_yaml({"id": "01-ada", "name": "Ada Lovelace", "emails": ["ada@example.org"]}),
            "/attachments/prices.pdf": "%PDF prices",
            "/attachments/bills/ada.pdf": "%PDF ada",
            "/attachments/art/logo.png": "PNG",
        },
    )
    return book_dir


def use(root: Path, front: str, body: str = "Hello\n") -> None:
    write(root, {"/templates/t.md": f"---\nsubject: Hello\n{front}---\n{body}"})


def made(root: Path, mail: MailServer | None = None, *, handle: str = "c", **more: Any) -> Made:
    book = Book(root)
    campaign = campaigns.read(book, handle)
    words = more.pop("words", None) or wording(book, campaign)
    renderer = Renderer(book, campaign, words, book.now(), Sender("Us", "us@example.com"), mail, **more)
    (message,) = renderer.messages([ADA])
    return message


def parsed(message: Made) -> EmailMessage:
    assert message.code == "", message.reason
    return BytesParser(policy=policy.default).parsebytes(message.content)


def test_files_come_from_the_books_own_folder(root: Path) -> None:
    use(
        root,
        "attachments: [prices.pdf, 'bills/{{ customer.handle }}.pdf']\nimages: {logo: art/logo.png}\n",
        "![x](cid:logo)\n",
    )
    message = parsed(made(root))
    assert [(part.get_filename(), part.get_content()) for part in message.iter_attachments()] == [
        ("prices.pdf", b"%PDF prices"),
        ("ada.pdf", b"%PDF ada"),
    ]
    (image,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    html = message.get_body(("html",))
    assert html is not None
    assert f'src="cid:{image["Content-ID"][1:-1]}"' in html.get_content()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none.pdf", "there is no file attachments/none.pdf"),
        ("../crm.yaml", "cannot be at"),
        ("/etc/passwd.txt", "in no folder that config.yaml allows"),
        ("link.pdf", "it is a symbolic link, or no plain file"),
        ("linked/x.pdf", "symbolic link"),
        ("bills", "cannot be attached"),
        ("run.sh", "not in the table"),
    ],
)
def test_nothing_else_can_be_attached(root: Path, tmp_path: Path, path: str, words: str) -> None:
    (tmp_path / "x.pdf").write_text("secret")
    (root / "attachments/link.pdf").symlink_to(tmp_path / "x.pdf")
    (root / "attachments/linked").symlink_to(tmp_path)
    (root / "attachments/run.sh").write_text("x")
    use(root, f"attachments: ['{{{{ \"{path}\" }}}}']\n")
    message = made(root)
    assert (message.code, message.content) == ("refused", b"")
    assert words in message.reason


def test_a_file_that_is_the_same_for_all_is_missed_before_anything_is_made(root: Path) -> None:
    use(root, "attachments: none.pdf\n")
    faults = template_check.check(Book(root))[1]
    assert [fault.problem for fault in faults] == ["templates/t.md: there is no file attachments/none.pdf to attach"]


def test_the_users_settings_allow_another_folder(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "files"
    other.mkdir()
    (other / "more.pdf").write_text("%PDF more")
    (other / "out.pdf").symlink_to(root / "crm.yaml")
    default_path().parent.mkdir(parents=True, exist_ok=True)
    default_path().write_text(f"mail: {{server: localhost, security: none, attachments: ['{other}']}}\n")
    default_path().chmod(0o600)
    for path in ("more.pdf", f"{other}/more.pdf"):
        use(root, f"attachments: ['{path}']\n")
        (part,) = parsed(made(root)).iter_attachments()
        assert (part.get_filename(), part.get_content()) == ("more.pdf", b"%PDF more")
    use(root, "attachments: ['{{ \"out.pdf\" }}']\n")
    assert "symbolic link" in made(root).reason


def test_a_file_that_was_changed_since_the_plan_is_not_sent(root: Path) -> None:
    use(root, "attachments: prices.pdf\n")
    book = Book(root)
    words = wording(book, campaigns.read(book, "c"))
    assert made(root, words=words).code == ""
    (root / "attachments/prices.pdf").write_text("%PDF other prices")
    assert "was changed since the plan" in made(root, words=words).reason


def test_an_invitation_keeps_its_id(root: Path) -> None:
    use(root, "invitation:\n  starts: 2026-03-29 01:30\n  minutes: 60\n  summary: Listen, {{ customer.name }}\n")
    message = parsed(made(root))
    (calendar,) = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    text = calendar.get_content()
    assert f"UID:{send_id('01C', '01-ada', 'email')}@example.com\n" in text.replace("\r\n", "\n")
    assert "DTSTART;TZID=Europe/Berlin:20260329T013000" in text
    assert "DTEND;TZID=Europe/Berlin:20260329T033000" in text
    use(root, "invitation: {starts: 'tomorrow', minutes: '60', summary: x}\n")
    assert "a day and a time" in made(root).reason
    use(root, "invitation: {starts: '2026-03-30 10:00', minutes: 'an hour', summary: x}\n")
    assert "a whole number" in made(root).reason


def test_each_message_has_its_own_way_off_the_list(root: Path) -> None:
    use(root, "", "[stop]({{ unsubscribe }})\n")
    mail = MailServer(unsubscribe=Unsubscribe("unsub@example.com", "https://example.com/u"))
    assert parsed(made(root, mail))["List-Unsubscribe"] == "<mailto:hello@example.com?subject=unsubscribe%20news>"
    ring = keys.load(Book(root))
    message = parsed(made(root, mail))
    (token,) = tokens.find(message["List-Unsubscribe"])
    assert tokens.check(ring.key, token, ["news"]) == (send_id("01C", "01-ada", "email"), "news")
    assert message["List-Unsubscribe-Post"] is None
    text = message.get_body(("plain",))
    assert text is not None
    assert f"unsub+{token}@example.com" in text.get_content().replace("\n", "")


def test_what_people_have_a_right_to_is_marked_as_automatic(root: Path) -> None:
    use(root, "")
    message = parsed(made(root, handle="own"))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] is message["Feedback-ID"] is None
    assert message["X-Crmctl-Send"] == send_id("01D", "01-ada", "email")


def test_marketing_does_not_go_out_as_a_service(root: Path) -> None:
    use(root, "kind: mixed\n")
    assert made(root).code == ""
    with pytest.raises(Exception, match="needs nobody's consent"):
        made(root, handle="own")


def test_what_the_law_wants_is_looked_for_when_asked(root: Path) -> None:
    use(root, "", "Hello from Chinook Records\n")
    assert made(root).lacks == ()
    lacks = made(root, judging=True).lacks
    assert [words.partition(" does")[0] for words in lacks] == ["the text part", "the HTML part"] * 2
    assert made(root, handle="own", judging=True).lacks == ()
    use(root, "", f"{OURS}[No more]({{{{ unsubscribe }}}})\n")
    assert made(root, judging=True).lacks == ()


OURS = "Hello from {{ book.name }}\\\n{{ book.postal_address }}\n\n"
OPT_OUTS = Unsubscribe("unsub@example.com", "https://example.com/u/")


def test_news_say_in_each_part_how_to_get_no_more(root: Path) -> None:
    keys.load(Book(root))
    for words, mail, count in (
        ("", None, 2),
        ("Write to hello@example.com\n", None, 2),  # That is an address as any.
        ("<{{ unsubscribe }}>\n", None, 0),
        ("<mailto:hello@example.com?subject=unsubscribe%20news>\n", None, 0),
        ("Write to unsub@example.com\n", MailServer(unsubscribe=OPT_OUTS), 0),
        ("https://example.com/u\n", MailServer(unsubscribe=OPT_OUTS), 0),
        ("[stop]({{ unsubscribe }})\n", MailServer(unsubscribe=OPT_OUTS), 0),
        ("Nothing\n", MailServer(unsubscribe=OPT_OUTS), 2),
    ):
        use(root, "", OURS + words)
        found = made(root, mail, judging=True).lacks
        assert ["how to get no more of these messages" in problem for problem in found] == [True] * count, words
    use(root, "kind: transactional\n", OURS)
    assert len(made(root, judging=True).lacks) == 2


def test_messages_are_signed_when_the_user_has_a_key(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    command = ["openssl", "genrsa", "-traditional", "-out", str(path), "1024"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("openssl cannot make a key here")
    path.chmod(0o600)
    use(root, "")
    keys.load(Book(root))
    mail = MailServer(
        unsubscribe=Unsubscribe("unsub@example.com", "https://example.com/u"),
        dkim=Dkim("s1", "example.com", str(path)),
    )
    message = parsed(made(root, mail))
    assert message.keys()[0] == "DKIM-Signature"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.keys().count("List-Unsubscribe") == 1
