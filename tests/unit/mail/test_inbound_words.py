"""What people say: what is new in a reply, whether it takes consent back, until when somebody is away."""

from __future__ import annotations

from datetime import date

import pytest

from crmctl.mail.inbound import autoreplies
from crmctl.mail.inbound import optout
from crmctl.mail.inbound import reading
from crmctl.mail.inbound import replytext


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("STOP\n\nAm Mo., 2. Nov. 2026 um 10:00 schrieb Shop <s@x.example>:\n\n> unsubscribe\n", "STOP"),
        ("Sure.\n\nOn Mon, Nov 2, 2026 at 10:00 AM Shop\n<s@x.example> wrote:\n> Hi\n", "Sure."),
        ("Ja.\n\nVon: Shop <s@x>\nGesendet: Montag\nAn: Ada\nBetreff: x\n\nunsubscribe", "Ja."),
        ("Oui\n\nLe lun. 2 nov. 2026 à 10:00, Shop <s@x> a écrit :\n> x", "Oui"),
        ("Yes\n\n-----Original Message-----\nFrom: Shop\nunsubscribe", "Yes"),
        ("On Monday, Shop wrote:\n> Do you?\n\nI do.\n> And?\nNo.\n", "I do.\nNo."),
        ("Thanks\n-- \nAda\nunsubscribe from nothing", "Thanks"),
        ("> only\n> quotes", ""),
        ("On reflection: yes.\nFrom now on: no.", "On reflection: yes.\nFrom now on: no."),
        ("Best,\nAda", "Best,\nAda"),
        ("", ""),
    ],
)
def test_only_what_is_new_counts(text: str, new: str) -> None:
    assert replytext.new_text(text) == new


def test_without_the_library_own_rules_have_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "mailparser_reply", None)
    assert replytext.new_text("STOP\n\nOn Monday, Shop wrote:\n> x") == "STOP"


@pytest.mark.parametrize(
    "above",
    [
        "pt., 20 lis 2026 o 09:12 Shop\n<s@x.example> napisał(a):",
        "2026年11月20日(金) 9:12 Shop <\ns@x.example>:",
        "пт, 20 нояб. 2026 г. в 09:12, Shop\n<s@x.example>:",
        "> On 20 Nov 2026, at 09:12, Shop\n> <s@x.example> wrote:",
    ],
)
def test_a_head_that_was_broken_in_two(above: str) -> None:
    assert replytext.new_text(f"Yes.\n\n{above}\n\n> STOP") == "Yes."


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Sent from Yahoo Mail for iPhone",
        "Get Outlook for Android <https://aka.example/x>",
        "Von meinem iPad gesendet",
        "Gesendet mit der GMX Mail App",
        "Envoyé de mon iPhone",
        "Enviado desde mi teléfono Huawei",
        "Inviato da Outlook per Android",
        "Verzonden vanaf mijn Galaxy",
        "Enviado do meu celular",
        "Skickat från min iPhone",
        "Отправлено с iPhone",
        "iPhoneから送信",
        "发自我的 iPhone",
    ],
)
def test_what_a_telephone_writes_below_is_nobodys_word(line: str) -> None:
    assert replytext.new_text(f"Yes.\n\n{line}\n") == "Yes."
    assert replytext.new_text(f"{line}\n\nYes.") == f"{line}\n\nYes."


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "Unsubscribe.",
        "please unsubscribe me",
        "Remove me from your mailing list, thanks.",
        "Bitte nehmen Sie mich aus dem Verteiler!",
        "Ich möchte den Newsletter abbestellen.",
        "Schicken Sie mir keine weiteren E-Mails",
        "désabonner",
        "Je ne souhaite plus recevoir vos mails",
        "darme de baja",
        "Non voglio più ricevere queste mail",
        "uitschrijven",
        "I no longer want to receive these emails",
        "stop\n\nAda Lovelace\nAnalytical Engines",
    ],
)
def test_words_that_say_no(text: str) -> None:
    assert optout.opts_out("Re: Offer", text) == optout.SURE


@pytest.mark.parametrize(
    "text",
    [
        "I can't stop laughing",
        "We will end the project in May",
        "Please cancel my order",
        "Thanks, see you at the bus stop!",
        "Bitte schicken Sie mir die E-Mails weiter.",
        "Please remove the second item from the offer.",
        "",
    ],
)
def test_words_that_do_not(text: str) -> None:
    assert optout.opts_out("Re: Offer", text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Please do not unsubscribe me",
        "Ich will mich nicht abmelden, nur fragen",
        "How does one unsubscribe?",
        "Take me off your list. " + "But first about our contract, which is long. " * 20,
    ],
)
def test_words_that_somebody_has_to_read(text: str) -> None:
    assert optout.opts_out("Re: Offer", text) == optout.PERHAPS


def test_a_subject_counts_where_there_is_nothing_else() -> None:
    assert optout.opts_out("Unsubscribe", "") == optout.SURE
    assert optout.opts_out("Re: unsubscribe", "") == ""
    assert optout.opts_out("unsubscribe", "Sent from my phone") == optout.SURE


def _automatic(text: str, *headers: str) -> autoreplies.AutoReply | None:
    head = ["From: a@x.example", "Date: Sun, 22 Nov 2026 09:30:00 +0000", *headers]
    return autoreplies.read(reading.read(("\n".join(head) + f"\n\n{text}\n").encode()))


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied (vacation)",
        "X-Autoreply: yes",
        "Precedence: auto_reply",
        "Return-Path: <>",
        "Subject: Automatic reply: Offer",
        "Subject: Out of Office",
        "Subject: Abwesenheitsnotiz: Angebot",
        "Subject: Réponse automatique : Offre",
    ],
)
def test_what_no_person_wrote(header: str) -> None:
    assert _automatic("away", header) is not None


@pytest.mark.parametrize(
    "header", ["Auto-Submitted: no", "X-Autoreply: no", "Subject: Re: Your automatic door", "X: y"]
)
def test_what_a_person_wrote(header: str) -> None:
    assert _automatic("Hello", header) is None


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("I am out of office until January 5, 2027.", "2027-01-06"),
        ("Ich bin bis zum 04.01.2027 nicht im Büro.", "2027-01-05"),
        ("I will be back on Monday, 30 November.", "2026-11-30"),
        ("Ab dem 7. Dezember bin ich wieder erreichbar.", "2026-12-07"),
        ("Je serai absent jusqu'au 5 janvier 2027", "2027-01-06"),
        ("I'm away from 23 November 2026 to 27 November 2026", "2026-11-28"),
        ("vom 23.11. bis 27.11.2026 im Urlaub", "2026-11-28"),
        ("I will return on 12/15/2026", "2026-12-15"),
        ("I'm back in the office on 2026-12-01", "2026-12-01"),
        ("back 03/04", ""),
        ("I am away from 23 November", ""),
        ("until 31.02.2027", ""),
        ("until 3 May 2031", ""),
        ("I was away until 3 May 2020", ""),
        ("I am on leave.", ""),
    ],
)
def test_when_somebody_is_back(text: str, back: str) -> None:
    found = _automatic(text, "Auto-Submitted: auto-replied")
    assert found is not None
    assert found.back == (date.fromisoformat(back) if back else None)


@pytest.mark.parametrize(
    "text",
    [
        "Ada no longer works here.",
        "Ada has left the company.",
        "Frau Lovelace ist nicht mehr für uns tätig.",
        "Ada ne travaille plus chez nous",
    ],
)
def test_somebody_who_left(text: str) -> None:
    found = _automatic(text, "Auto-Submitted: auto-replied")
    assert found is not None
    assert found.left


@pytest.mark.parametrize(
    "subject", ["unsubscribe newsletter", "Unsubscribe product-news", "unsubscribe newsletter ABC123"]
)
def test_the_button_that_we_give_them_is_understood(subject: str) -> None:
    for text in ("", "This message was automatically generated by Gmail.", "Sent from my iPhone", " \n"):
        assert optout.opts_out(subject, text) == optout.SURE
    assert optout.opts_out(subject, "and please send me the offer") == optout.PERHAPS
    assert optout.opts_out("unsubscribe link in your newsletter does not work", "") == ""


@pytest.mark.parametrize(
    "text",
    [
        "unsub",
        "Por favor, deja de mandarme correos",
        "Wypisz mnie z listy",
        "Merci de ne plus m'écrire",
        "Ta bort mig från listan",
        "Slet mig fra listen",
        "Meld meg av",
        "Parem de me enviar emails",
        "Toglietemi dalla lista",
    ],
)
def test_they_want_no_more_in_other_words(text: str) -> None:
    assert optout.opts_out("Re: News", text) == optout.SURE


@pytest.mark.parametrize("text", ["I did not sign up for this.", "I never subscribed", "Ich habe das nicht abonniert"])
def test_they_never_asked_for_it_is_read_by_a_person(text: str) -> None:
    assert optout.opts_out("Re: News", text) == optout.PERHAPS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes",
        "yes, please!",
        "OK",
        "Hi Anna,\n\nYes, I agree.\n\nBest\nBob",
        "Ja, gerne",
        "Hiermit bestätige ich.",
        "Oui, d'accord.",
        "Sí",
        "Potwierdzam",
        "👍",
        "Sent from my iPhone",
        "Ok\n\nSent from my iPhone",
    ],
)
def test_a_yes_begins_like_one(text: str) -> None:
    assert optout.agrees(text)


@pytest.mark.parametrize(
    "text",
    [
        "I am out of the office until 1 December 2026.",
        "Thank you for contacting Dubois SA. A ticket #4711 has been opened.",
        "Je suis en vacances jusqu'au 3 décembre.",
        "Mark left us in May. Please write to jane@example.com",
        "To deliver your message I must verify you are human. Click here",
        "Vielen Dank für Ihre Nachricht.",
        "Your message has been confirmed.",
        "Yes? Who are you",
        "Yes, stop it",
        "Okapi",
    ],
)
def test_what_machines_say_is_no_yes(text: str) -> None:
    assert not optout.agrees(text)
