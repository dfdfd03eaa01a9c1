"""Messages meant to stop the reader, and ways of saying no that must not be lost."""

from __future__ import annotations

import time
from datetime import UTC
from datetime import datetime

import pytest

from crmctl.mail.inbound import optout
from crmctl.mail.inbound import reading
from crmctl.mail.inbound import recurring
from crmctl.mail.inbound import replytext
from crmctl.mail.inbound.classify import classify

HEAD = b"From: a@b.example\nTo: x@y.example\nSubject: hi\n"


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"\n" + b"> On x wrote:\n> x\n" * 5_500, id="quotes within quotes"),
        pytest.param(b"\n" + b"On x wrote:\n> x\n" * 6_000, id="quote after quote"),
        pytest.param(b"Content-Type: text/html\n\n<" + b" " * 190_000 + b">", id="a tag of blanks"),
        pytest.param(
            b"Content-Type: text/html\n\n" + b"<p style='display:" + b" " * 90_000 + b"'>", id="a style of blanks"
        ),
        pytest.param(b'From: "' + b'\\"' * 90_000 + b"\n\nx", id="quotes in a name"),
        pytest.param(b"\n" + b"-----a" * 30_000, id="dashes"),
        pytest.param(
            b"\n-----BEGIN PGP SIGNED MESSAGE-----\n\n" + b"-----BEGIN PGP SIGNATURE-----\n" * 6_500, id="pgp"
        ),
        pytest.param(b"Content-Type: text/plain; format=flowed\n\n" + b"a \n" * 66_000, id="flowed"),
        pytest.param(b"\n" + b"        x 1.1.2026        to\n" * 7_000, id="heads of Notes"),
        pytest.param(b"Content-Type: text/html\n\n</" + b"\t " * 90_000 + b">", id="an end tag of blanks"),
    ],
)
def test_a_hostile_message_is_read_soon(rest: bytes) -> None:
    before = time.process_time()
    assert classify(reading.read(HEAD + rest)).name == "reply"
    assert time.process_time() - before < 5


@pytest.mark.parametrize(
    "text",
    [
        "Bitte melden Sie mich vom Newsletter ab.",
        "Bitte tragen Sie mich aus.",
        "Bitte keine weiteren Mails.",
        "Ich möchte keine E-Mails mehr von Ihnen.",
        "Ich will Ihren Newsletter nicht mehr.",
        "Bitte löschen Sie meine E-Mail-Adresse.",
        "Nehmen Sie mich bitte von der Liste.",
        "Hören Sie auf, mir zu schreiben.",
        "Lassen Sie mich in Ruhe!",
        "Ich widerspreche der Verwendung meiner Daten zu Werbezwecken.",
        "Retirez-moi de votre liste",
        "Ne m'envoyez plus de mails",
        "Ne m\u2019\u00e9crivez plus.",
        "Arrêtez de m'envoyer des mails",
        "Je ne souhaite plus être contacté.",
        "Désabonnez-moi s'il vous plaît",
        "Por favor, denme de baja",
        "Solicito la baja",
        "Quítenme de su lista de correo",
        "No me envíen más correos",
        "No deseo recibir sus correos",
        "Please remove my email from your list.",
        "I'd like to unsubscribe",
        "No more newsletters please",
        "Leave me alone.",
        "Please delete all my data.",
    ],
)
def test_a_no_in_whole_sentences_is_a_no(text: str) -> None:
    assert optout.opts_out("Re: News", text) == optout.SURE


@pytest.mark.parametrize(
    "text",
    [
        "Please don't stop sending me the newsletter",
        "Never stop writing to us, we love it",
        "No quiero darme de baja",
        "Bitte hören Sie nicht auf, mir zu schreiben",
        "Ich habe seit Mai keine Mails mehr von Ihnen bekommen",
        "Bitte melden Sie sich am Montag",
        "Wir möchten die Rechnungen nicht mehr per Post erhalten",
        "I have no more emails from you since May, is something wrong?",
    ],
)
def test_who_wants_mail_is_not_taken_off(text: str) -> None:
    assert optout.opts_out("Re: News", text) != optout.SURE


def test_a_subject_that_says_no_counts_above_the_signature_of_a_telephone() -> None:
    assert optout.opts_out("Unsubscribe", "Sent from my iPhone") == optout.SURE
    assert optout.opts_out("Cancel", "my order 4711") == optout.PERHAPS


@pytest.mark.parametrize(
    "above",
    [
        "-----Original-Nachricht-----\nBetreff: News",
        "-------- Courriel original --------\nDe : Shop",
        "---------- Mensaje reenviado ---------\nDe: Shop",
        "-------- Message d\u2019origine --------\nDe : Shop",
        "    On Monday, May 3, 2021, 10:00:00 AM GMT+1, Shop <s@x.example> wrote:",
        "2021-05-03 10:00 GMT+02:00 Shop <s@x.example>:",
        "Shop schrieb am 2021-05-03 10:00:",
        "Shop <s@x.example> schrieb am Mo., 3. Mai 2021, 10:00:",
        "------------------ 原始邮件 ------------------\n发件人: Shop <s@x.example>",
        "发件人：Shop <s@x.example>\n发送时间：2021年5月3日\n收件人：Ada\n主题：News",
        "От: Shop <s@x.example>\nДата: 3 мая 2021\nКому: Ada\nТема: News",
        "-------- Пересылаемое сообщение --------",
    ],
)
def test_more_ways_to_begin_a_quote(above: str) -> None:
    assert replytext.new_text(f"Danke!\n\n{above}\n\nbitte abmelden\nunsubscribe me") == "Danke!"


def test_a_sentence_with_a_colon_begins_no_quote() -> None:
    text = "As you wrote to Ada Lovelace on Monday:\nunsubscribe me"
    assert replytext.new_text(text) == text


@pytest.mark.parametrize(
    "unseen",
    [
        "<div style='display:none'>unsubscribe me</div>",
        '<span style="font-size: 0; line-height:0">STOP</span>',
        "<p hidden>unsubscribe me</p>",
        "<td style='mso-hide:all'>unsubscribe me</td>",
        "<div style='VISIBILITY : hidden'><div>x</div>unsubscribe me</div>",
    ],
)
def test_what_a_reader_does_not_see_is_not_said(unseen: str) -> None:
    data = f"From: a@x.example\nContent-Type: text/html\n\n{unseen}<p style='font-size:0.9em'>Thanks</p>".encode()
    kind = classify(reading.read(data))
    assert (kind.name, kind.text, kind.doubt) == ("reply", "Thanks", "")


@pytest.mark.parametrize(
    "footer",
    [
        "If you no longer wish to receive emails from Firm, unsubscribe here: https://firm.example/u",
        "Wenn Sie keine weiteren Mails von uns erhalten möchten, bitte den Newsletter abbestellen.",
        "Si vous ne souhaitez plus recevoir nos lettres, désinscrivez-vous.",
    ],
)
def test_a_footer_of_theirs_for_their_readers_is_read_by_a_person(footer: str) -> None:
    assert optout.opts_out("Re: News", f"Thanks, see you on Monday.\n\n{footer}") == optout.PERHAPS
    assert optout.opts_out("Re: News", f"STOP\n\n{footer}") == optout.SURE


def test_rules_that_never_come_true_do_not_use_up_our_patience_for_each() -> None:
    pytest.importorskip("dateutil", reason="comes with icalendar: pip install 'crmctl[mail]'")
    start, now = datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    patience = recurring.Patience(steps=1_000, fruitless=1)
    never = recurring.Series("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    assert recurring.instances(never, start, now, patience) == [start]
    assert patience.ended
    daily = recurring.Series("FREQ=DAILY")
    assert recurring.instances(daily, start, now, patience) == [start]
    patience = recurring.Patience(steps=1_000)
    assert len(recurring.instances(daily, start, now, patience)) == recurring.MOST
    assert recurring.instances(daily, now, now, patience) == [now]
    assert patience.ended
    patience = recurring.Patience(fruitless=1)
    assert len(recurring.instances(recurring.Series("FREQ=DAILY;COUNT=3"), start, now, patience)) == 3
    assert not patience.ended
