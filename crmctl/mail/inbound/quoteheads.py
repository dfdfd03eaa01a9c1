"""Where the message that is answered begins: what mail programs write above it, in the languages they speak.

Each rule looks at few lines, so that a text takes a time that grows with its length alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# "On Monday, Ada wrote:", "Am 3. Mai schrieb Ada:".
_VERBS = (
    r"wrote|schrieb|a écrit|escribió|ha scritto|schreef|napisał(?:\(a\)|a)?|skrev|escreveu|pisze|geschreven|kirjoitti|"
    r"napsala?|napísala?|написала?|пишет|yazdı|írta|a scris|γράψε"
)
_OPENERS = r"on|am|le|el|il|op|dnia|den|em|no dia|w dniu|dne|la|στις"
_WROTE = re.compile(rf"(?:{_OPENERS}|van|von)\b.{{0,240}}(?:{_VERBS})\b.{{0,120}}:\s*\Z", re.IGNORECASE | re.DOTALL)
_BEGINS = re.compile(rf"(?:>\s*)?(?:{_OPENERS})\s", re.IGNORECASE)
# The same on one line in another order: "Ada schrieb am 3.5.2026, 10:00:", "2026-05-03 10:00 GMT+2 Ada <a@b.example>:".
_ADDRESS = r"[<(\[](?:mailto:)?[^<>()\s@]{1,64}@[^<>()\s]{1,200}[>)\]]"
_SAYS_WHO = re.compile(
    rf"(?=.{{0,200}}(?:{_ADDRESS}|\b(?:{_VERBS})|写道|寫道|のメール))"
    rf"(?:(?=.{{0,200}}\d[.:/-]\d)|(?=.{{0,200}}(?<!\d)20\d\d(?!\d))(?=.{{0,300}}(?:{_VERBS})\b)).{{1,300}}[:：]\s*\Z",
    re.IGNORECASE,
)
# Yahoo's on telephones has no line end behind it.
_RUNS_ON = re.compile(rf"(?:{_OPENERS})\b.{{4,200}}?{_ADDRESS}.{{0,40}}?\b(?:{_VERBS})\s?:\s{{2,9}}\S", re.IGNORECASE)
_STAMP = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}")
_RULE = re.compile(
    r"\s*(?:-{2,}\s*(?:[^\W_]+[ -]){0,3}?(?:message|nachricht|courriel|mensaje|messaggio|bericht|e-?mail|mail|correo|"
    r"mensagem|wiadomość|meddelande|besked|line)(?:\s(?:d['’]origine|\w+)){0,2}\s*-*\s*|_{20,}\s*|-{30,}\s*|"
    # Whatever the language: words between two long rows of dashes.
    r"-{5,}[^\n-]{1,60}-{5,}\s*|"
    # Lotus Notes: a table made of dashes, and a line with the beginning of what is answered.
    r"\|-{4,60}>\s*|\S.{0,120}?\s?-{2,3}\s?\d{1,4}[./-]\d{1,2}[./-]\d{1,4}.{0,30}?-{3}.*|"
    r"(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-?mail)|début du message réexpédié|"
    r"inicio del mensaje reenviado|inizio messaggio inoltrato|begin doorgestuurd bericht)\s?:\s*)\Z",
    re.IGNORECASE,
)
_FROM = "from von de da van od från fra lähettäjä feladó kimden от 发件人 寄件者 寄件人 差出人 από"
_TO = (
    "to an à a para aan do till til vastaanottaja komu címzett kime către 收件人 宛先 кому pour προς cc kopie copie "
    "kopia kopi copia"
)
_SUBJECT = (
    "subject betreff thema objet sujet asunto assunto oggetto onderwerp temat ämne emne aihe předmět predmet tárgy "
    "konu subiect 主题 主旨 主題 件名 тема θέμα"
)
_WHEN = (
    "sent date gesendet datum envoyé enviado enviada inviato data fecha verzonden wysłano skickat sendt dato lähetetty "
    "päivä odesláno odoslané dátum elküldve gönderildi tarih trimis 发送时间 寄件日期 日期 送信日時 日時 отправлено "
    "дата"
)
_NAMES = {
    name: kind
    for kind, names in (("from", _FROM), ("to", _TO), ("subject", _SUBJECT), ("when", _WHEN))
    for name in names.split()
}
_HEADER = re.compile(
    r"\s*\*?([^\W\d_]{1,16})(?:\s(?:el|em|il|le|am|on|dne|from|by|von|par|por|da))?\s?\*?(?:[:：]\*?(?:\s|\Z)|：)",
    re.IGNORECASE,
)
_FIRST_INDENT = " " * 8
_TALLEST = 16
_MOST_HEADERS = 7


def begins(lines: Sequence[str], number: int) -> bool:
    """Whether the message that is answered, or its head, begins on line ``number``, whatever stands below."""
    line = lines[number]
    if _RULE.match(line[:300]) or _RUNS_ON.match(line[:300].lstrip("> ")):
        return True
    return _is_head(lines, number) or _is_notes_table(lines, number) or _is_notes_list(lines, number)


def intro(lines: Sequence[str], number: int) -> int:
    """How many lines (1 to 3) from ``number`` on say who wrote what follows; 0 when they do not."""
    first = lines[number].lstrip()
    if first.endswith((":", "：")) and len(first) <= 300 and _SAYS_WHO.match(first.lstrip("> ")):
        return 1
    if _BEGINS.match(first[:12]):
        for length in (1, 2, 3):
            joined = " ".join(lines[number : number + length]).strip()
            if len(joined) > 400:
                return 0
            if joined.endswith(":") and _WROTE.match(joined.lstrip("> ")):
                return length
    return 2 if _is_broken(lines, number) else 0


def _is_broken(lines: Sequence[str], number: int) -> bool:
    """Whether two lines together say who wrote, and a quote stands below: a long line that was broken."""
    if number + 1 >= len(lines) or not lines[number].strip() or not lines[number + 1].endswith((":", "：")):
        return False
    first, second = (line.strip().lstrip("> ") for line in lines[number : number + 2])
    joined = f"{first}{'' if first.endswith('<') else ' '}{second}"
    if len(joined) > 300 or not _SAYS_WHO.match(joined):
        return False
    return next((line for line in lines[number + 2 : number + 6] if line.strip()), "").lstrip().startswith(">")


def _is_head(lines: Sequence[str], number: int) -> bool:
    """Whether a block "From: .. Sent: .. To: .. Subject: .." begins here, in any order.

    It has a subject or an address: who asks for a journey "From: A To: B Date: C" answers nothing.
    """
    if not _kind(lines[number]):
        return False
    block = [line[:300] for line in lines[number : number + _MOST_HEADERS]]
    kinds = {kind for line in block if (kind := _kind(line))}
    if "from" not in kinds or len(kinds) < 3:
        return False
    return "subject" in kinds or any("@" in line for line in block if _kind(line))


def _kind(line: str) -> str:
    found = _HEADER.match(line[:80])
    return _NAMES.get(found[1].lower(), "") if found else ""


def _is_notes_table(lines: Sequence[str], number: int) -> bool:
    """Whether the head that Lotus Notes prints in two columns begins here: names on the left, labels on the right."""
    if not lines[number].startswith(_FIRST_INDENT) or not lines[number].strip():
        return False
    window = lines[number : number + _TALLEST]
    labels = {kind for line in window if line.startswith(_FIRST_INDENT) and (kind := _label(line))}
    return {"to", "subject"} <= labels and any(_STAMP.search(line[:200]) for line in window)


def _is_notes_list(lines: Sequence[str], number: int) -> bool:
    """Whether the head of a later Lotus Notes begins here: who and when, then labels with their values below them."""
    if not any(_STAMP.search(line[:200]) for line in lines[number : number + 2]) or _label(lines[number]):
        return False
    window = [line for line in lines[number : number + _TALLEST] if line.strip()]
    first = next((at for at, line in enumerate(window) if _label(line) == "to"), 0)
    if (
        not lines[number].strip()
        or not 1 <= first <= 2
        or not any(_STAMP.search(line[:200]) for line in window[:first])
    ):
        return False
    return any(_label(line) == "subject" for line in window[first + 1 :])


def _label(line: str) -> str:
    """Of what kind a label is that stands alone, or alone on the right."""
    alone = line[:300].rpartition(_FIRST_INDENT)[2]
    return _NAMES.get(alone.strip().rstrip(":").rstrip().lower(), "")
