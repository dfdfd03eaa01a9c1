"""Answers that no person wrote: absent until when, or gone for good."""

from __future__ import annotations

import re
from datetime import date
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.inbound import headers

if TYPE_CHECKING:
    from crmctl.mail.inbound.reading import Mail

LONGEST_ABSENCE = 400
"""Days ahead beyond which a date in an automatic answer is not believed."""


class AutoReply(NamedTuple):
    """An automatic answer: the first day the person is back (None when that is not said), and whether they are gone.

    ``certain`` is False where nothing but words speak for it: a person may have written these. With ``by_text`` even
    the subject says nothing of it.
    """

    back: date | None
    left: bool
    certain: bool = True
    by_text: bool = False


_SUBJECT = re.compile(
    r"^\W*(?:auto(?:matic|matische|mated|matisk|matyczna)?[- ]?(?:reply|response|answer|antwort|svar|odpowied\w*)|"
    r"out of (?:the )?office|abwesenheit\w*|automatische antwort|abwesend|réponse automatique|respuesta automática|"
    r"risposta automatica|automatisch antwoord|afwezig|absence|fuera de (?:la )?oficina|frånvaro|resposta automática|"
    r"ooo)\b",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"\W*(?:(?:hi|hello|hallo|dear|guten tag|bonjour|hola|ciao|hej|thank you|thanks|danke|vielen dank|merci"
    r"|gracias|grazie)"
    r"\b[^.!\n]{0,80}[.!,\n]\s*){0,2}"
    r"(?:i(?:'m| am| will be) (?:currently |now )?(?:out of (?:the )?office|away from (?:the|my) (?:office|desk)|on "
    r"(?:annual |parental |maternity |sick )?(?:leave|holiday|vacation))"
    r"|ich bin (?:derzeit |zur zeit |momentan |aktuell |bis \S+ |vom .{4,40} )*(?:nicht im (?:büro|haus)|außer haus|"
    r"abwesend|im urlaub|in elternzeit)"
    r"|je suis (?:actuellement )?(?:absente?|en (?:vacances|congés?|déplacement))"
    r"|estoy (?:actualmente )?(?:fuera de la oficina|de vacaciones|ausente)"
    r"|sono (?:attualmente )?(?:fuori (?:ufficio|sede)|in ferie|assente)"
    r"|ik ben (?:momenteel )?(?:afwezig|niet op kantoor|met (?:vakantie|verlof)|op vakantie)"
    r"|(?:estou|encontro-me) (?:fora do escritório|de férias|ausente))",
    re.IGNORECASE,
)
"""How a text begins that says that somebody is away; who writes so themselves is away, too."""
_LEFT = re.compile(
    r"(?:no longer|not any ?more) (?:work|with|at|employed|part of|be reached|active|in (?:this|the) (?:role|"
    r"position))|"
    r"(?:has|have) left (?:the |our )?(?:company|organi[sz]ation|firm|business|agency)|left the company|"
    r"nicht (?:mehr|länger) (?:für|bei|in|im) .{0,60}(?:tätig|beschäftigt|arbeit|unternehmen)|"
    r"(?:hat|habe) (?:das unternehmen|die firma|unser unternehmen|unser haus) verlassen|"
    r"aus dem unternehmen ausgeschieden|"
    r"ne (?:travaille|fait) plus|a quitté (?:la société|l['’]entreprise)|ya no (?:trabaja|forma parte)|"
    r"non (?:lavora|fa) più|werkt niet (?:meer|langer)",
    re.IGNORECASE | re.DOTALL,
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jänner janvier enero gennaio januari janeiro stycznia",
            "february feb februar février fevrier febrero febbraio februari fevereiro lutego",
            "march mar märz maerz mrz mars marzo maart março marca",
            "april apr avril abril aprile kwietnia",
            "may mai mayo maggio mei maio maja",
            "june jun juni juin junio giugno junho czerwca",
            "july jul juli juillet julio luglio julho lipca",
            "august aug août aout agosto augustus augusti sierpnia",
            "september sep sept septembre septiembre settembre setembro września",
            "october oct oktober okt octobre octubre ottobre outubro października",
            "november nov novembre noviembre novembro listopada",
            "december dec dezember dez décembre decembre diciembre dicembre dezembro grudnia",
        ),
        1,
    )
    for name in names.split()
}
_ISO = r"(?P<iso>\d{4}-\d{2}-\d{2})"
_DOTTED = r"(?P<dd>\d{1,2})\.\s?(?P<dm>\d{1,2})\.(?:\s?(?P<dy>\d{4}|\d{2}))?"
_SLASHED = r"(?P<s1>\d{1,2})/(?P<s2>\d{1,2})(?:/(?P<sy>\d{4}|\d{2}))?"
_DAY_MONTH = (
    r"(?P<wd>\d{1,2})(?:st|nd|rd|th|er|\.|º)?\s+(?:of\s+|de\s+)?(?P<wm>[^\W\d_]{3,10})\.?"
    r"(?:,?\s+(?:de\s+)?(?P<wy>\d{4}))?"
)
_MONTH_DAY = r"(?P<mm>[^\W\d_]{3,10})\.?\s+(?P<md>\d{1,2})(?:st|nd|rd|th)?\b(?:,?\s+(?P<my>\d{4}))?"
_DATE = f"(?:{_ISO}|{_DOTTED}|{_SLASHED}|{_DAY_MONTH}|{_MONTH_DAY})"
_GAP = (
    r"[\s,:(]{1,3}(?:(?:and )?including |the |dem |zum |einschließlich |einschl\. |inkl\. |le |el |al |il |on |am |"
    r"och |med |[^\W\d_]{2,10}[,.]? ){0,4}"
)
_UNTIL = re.compile(
    r"(?:until|till|til|through|thru|up to|bis|jusqu['’]au|jusqu['’]à|hasta|fino al?|tot(?: en met)?|até|do dnia|to|"
    r"-|–)" + _GAP + _DATE,
    re.IGNORECASE,
)
_BACK = re.compile(
    r"(?:return(?:ing)?|back|again|available|in the office|zurück|wieder|erreichbar|de retour|retour|regreso|vuelvo|"
    r"volveré|rientro|terug)(?:\s+(?:in|at|to|the|office|work|my|im|büro|ins|au|bureau|on|am|ab|dem|le|el|op|il|dal|"
    r"from|sein|bin|ich|wieder|again)){0,5}" + _GAP + _DATE,
    re.IGNORECASE,
)
_FROM = re.compile(
    r"\b(?:ab|from|as of|à partir du|a partir del?|vanaf|dal)"
    + _GAP
    + _DATE
    + r"(?=.{0,60}\b(?:wieder|again|back|available|erreichbar|zurück|nouveau|retour|terug|nuevo)\b)",
    re.IGNORECASE,
)


def read(mail: Mail) -> AutoReply | None:
    """What an automatic answer says; None when a person seems to have written the message.

    By RFC 3834 (Auto-Submitted), by what older systems say instead, and by an empty return path (RFC 5321, 4.5.5).
    """
    certain = _is_automatic(mail)
    text = mail.text[:5_000]
    by_text = not certain and not _SUBJECT.search(mail.subject)
    if by_text and not _AWAY.match(text.replace("’", "'")):
        return None
    back = _back(text, mail.date.date() if mail.date else None)
    return AutoReply(back, _LEFT.search(text) is not None, certain, by_text)


def _is_automatic(mail: Mail) -> bool:
    def value(name: str) -> str:
        return headers.first(mail.message, name).lower()

    submitted = value("Auto-Submitted").partition(";")[0].strip()
    if submitted and submitted != "no":
        return True
    if value("X-Autoreply") not in ("", "no") or value("X-Autorespond") or value("X-AutoReply-From"):
        return True
    if value("Precedence") in ("auto_reply", "auto-reply", "autoreply"):
        return True
    return "<>" in headers.all_of(mail.message, "Return-Path") or bool(value("X-MS-Exchange-Inbox-Rules-Loop"))


def _back(text: str, sent: date | None) -> date | None:
    """The first day that somebody is there again, as far as the text says it without doubt."""
    if sent is None:
        return None
    joined = " ".join(text.split())
    for pattern in (_BACK, _UNTIL, _FROM):
        for found in pattern.finditer(joined):
            day = _day(found, sent)
            if day is None or not 0 <= (day - sent).days <= LONGEST_ABSENCE:
                continue
            if pattern is _UNTIL:
                return day + timedelta(days=1)
            return day
    return None


def _day(found: re.Match[str], sent: date) -> date | None:
    part = found.groupdict()
    if part["iso"]:
        try:
            return date.fromisoformat(part["iso"])
        except ValueError:
            return None
    if part["dd"]:
        return _dated(part["dd"], int(part["dm"]), part["dy"], sent)
    if part["s1"]:
        first, second = int(part["s1"]), int(part["s2"])
        if first > 12 or first == second:
            return _dated(first, second, part["sy"], sent)
        # 03/04 may be either; nothing is guessed.
        return _dated(second, first, part["sy"], sent) if second > 12 else None
    word, day, year = (part["wm"], part["wd"], part["wy"]) if part["wd"] else (part["mm"], part["md"], part["my"])
    month = _MONTHS.get((word or "").lower())
    return _dated(day, month, year, sent) if month and day else None


def _dated(day: str | int, month: int, year: str | None, sent: date) -> date | None:
    """The date; without a year, the next one that comes after the message was sent."""
    try:
        if year:
            number = int(year)
            return date(number + 2000 if number < 100 else number, month, int(day))
        this = date(sent.year, month, int(day))
        return this if this >= sent else date(sent.year + 1, month, int(day))
    except ValueError:
        return None
