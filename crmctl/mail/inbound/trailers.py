"""What telephones and mail programs write below the words of a person: "Sent from my iPhone"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEVICE = (
    r"i-?phone|i-?pad|android|samsung|galaxy|blackberry|huawei|xiaomi|redmi|nokia|oneplus|fairphone|pixel|outlook|"
    r"windows|yahoo|proton ?mail|proton|k-9|thunderbird|gmail|gmx|web\.de|aol|spark|posteo|tutanota|tuta|bluemail|"
    r"aquamail|fastmail|mobile|smartphone|phone|handy|tablet|mobiltelefon|telefon|téléphone|móvil|celular|telemóvel"
)
_SENT = (
    r"sent|shared|gesendet|versendet|verschickt|envoyé|enviado|enviada|inviato|verzonden|verstuurd|wysłane|wysłano|"
    r"skickat|sendt|lähetetty|отправлено|odesláno|küldve"
)
_BY = (
    r"from|with|via|using|by|von|vom|mit|über|depuis|de|d['’]un|à partir de|desde|do|pelo|da|dal|dallo|con|vanaf|met|"
    r"van|z|ze|från|fra|med|с|из"
)
_LINE = re.compile(
    rf"(?:(?:{_SENT}) (?:{_BY}) (?:[\w'’.-]+ ){{0,4}}?(?:{_DEVICE})\b.{{0,60}}|"
    rf"(?:diese (?:nachricht|e-?mail|mail) wurde )?(?:von|mit) (?:[\w.-]+ ){{0,4}}?(?:[\w-]*(?:{_DEVICE})[\w-]*)\b"
    rf".{{0,40}} (?:gesendet|versendet|verschickt)|"
    r"(?=.{0,60}\boutlook\b)(?:get|holen sie sich|beziehen sie|téléchargez|télécharger|obtener|obtenga|scarica|"
    r"download|outlook)\b.{0,60}\b(?:ios|android|mobile)\b.{0,120}|"
    r"i-?phoneから送信|发自我的.{1,30}|發自我的.{1,30}|从.{1,20}发送)[.!]?",
    re.IGNORECASE,
)


def without(lines: Sequence[str]) -> list[str]:
    """The lines without those at their end that a program wrote."""
    kept = list(lines)
    while kept and (not kept[-1].strip() or _LINE.fullmatch(kept[-1].strip(" \t<>*_")[:300])):
        kept.pop()
    return kept
