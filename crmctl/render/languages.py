"""How fourteen languages write days, money, lists and greetings, as data.

Months, date orders and number signs follow the Unicode CLDR's common forms. A language that is not here gets ISO dates
and the currency's code before a plain number. ``en`` is the neutral one: day before month, and no date in digits alone,
because 03/04 is read in two ways; ``en-GB`` and ``en-US`` have their own.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

NBSP = "\u00a0"  # no-break space: between number and unit
_THIN = "\u202f"  # narrow no-break space: the French thousands


class Language(NamedTuple):
    """The forms of one language. Patterns have ``D DD M MM YYYY`` as digits, ``MMMM`` and ``MMM`` as names.

    ``money`` places ``#`` (the number) and ``$`` (the symbol or code); ``code`` is used when the sign is letters. The
    greetings take ``{name}`` (as written), ``{first}`` and ``{last}``; an empty ``friendly`` means that names change
    their form when spoken to, so the neutral greeting stands alone.
    """

    months: tuple[str, ...]
    short_months: tuple[str, ...]
    long: str
    medium: str
    short: str
    day: str
    decimal: str
    group: str
    money: str
    code: str
    conjunction: str
    neutral: str
    formal: str
    friendly: str
    man: str
    woman: str
    group_from: int = 4
    """How many digits a whole number needs before its thousands are set apart."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_BEHIND = f"#{NBSP}$"
_BEFORE = f"${NBSP}#"

_LANGUAGES: dict[str, Language] = {
    "en": Language(
        _words("January February March April May June July August September October November December"),
        _words("Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec"),
        *("D MMMM YYYY", "D MMM YYYY", "D MMM YYYY", "D MMMM"),
        *(".", ",", "$#", _BEFORE, "and"),
        *("Hello", "Dear {name}", "Dear {first}", "Dear Mr {last}", "Dear Ms {last}"),
    ),
    "de": Language(
        _words("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
        _words("Jan. Febr. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez."),
        *("D. MMMM YYYY", "D. MMM YYYY", "DD.MM.YYYY", "D. MMMM"),
        *(",", ".", _BEHIND, _BEHIND, "und"),
        *("Guten Tag", "Guten Tag {name}", "Hallo {first}", "Sehr geehrter Herr {last}", "Sehr geehrte Frau {last}"),
    ),
    "fr": Language(
        _words("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
        _words("janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."),
        *("D MMMM YYYY", "D MMM YYYY", "DD/MM/YYYY", "D MMMM"),
        *(",", _THIN, _BEHIND, _BEHIND, "et"),
        *("Bonjour", "Bonjour {name}", "Bonjour {first}", "Monsieur {last}", "Madame {last}"),
    ),
    "es": Language(
        _words("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
        _words("ene. feb. mar. abr. may. jun. jul. ago. sept. oct. nov. dic."),
        *("D de MMMM de YYYY", "D MMM YYYY", "DD/MM/YYYY", "D de MMMM"),
        *(",", ".", _BEHIND, _BEHIND, "y"),
        *("Buenos días", "Hola, {name}", "Hola, {first}", "Estimado señor {last}", "Estimada señora {last}"),
        group_from=5,
    ),
    "it": Language(
        _words("gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"),
        _words("gen feb mar apr mag giu lug ago set ott nov dic"),
        *("D MMMM YYYY", "D MMM YYYY", "DD/MM/YYYY", "D MMMM"),
        *(",", ".", _BEHIND, _BEHIND, "e"),
        *("Buongiorno", "Gentile {name}", "Ciao {first}", "Gentile Signor {last}", "Gentile Signora {last}"),
    ),
    "nl": Language(
        _words("januari februari maart april mei juni juli augustus september oktober november december"),
        _words("jan. feb. mrt. apr. mei juni juli aug. sep. okt. nov. dec."),
        *("D MMMM YYYY", "D MMM YYYY", "DD-MM-YYYY", "D MMMM"),
        *(",", ".", _BEFORE, _BEFORE, "en"),
        *("Goedendag", "Beste {name}", "Beste {first}", "Geachte heer {last}", "Geachte mevrouw {last}"),
    ),
    "pt": Language(
        _words("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"),
        _words("jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez."),
        *("D de MMMM de YYYY", "D MMM YYYY", "DD/MM/YYYY", "D de MMMM"),
        *(",", ".", _BEFORE, _BEFORE, "e"),
        *("Olá", "Olá, {name}", "Olá, {first}", "Prezado senhor {last}", "Prezada senhora {last}"),
    ),
    "pl": Language(
        _words("stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia"),
        _words("sty lut mar kwi maj cze lip sie wrz paź lis gru"),
        *("D MMMM YYYY", "D MMM YYYY", "DD.MM.YYYY", "D MMMM"),
        *(",", NBSP, _BEHIND, _BEHIND, "i"),
        *("Dzień dobry", "Dzień dobry", "", "Szanowny Panie", "Szanowna Pani"),
        group_from=5,
    ),
    "sv": Language(
        _words("januari februari mars april maj juni juli augusti september oktober november december"),
        _words("jan. feb. mars apr. maj juni juli aug. sep. okt. nov. dec."),
        *("D MMMM YYYY", "D MMM YYYY", "YYYY-MM-DD", "D MMMM"),
        *(",", NBSP, _BEHIND, _BEHIND, "och"),
        *("Hej", "Hej {name}", "Hej {first}", "Hej {name}", "Hej {name}"),
    ),
    "da": Language(
        _words("januar februar marts april maj juni juli august september oktober november december"),
        _words("jan. feb. mar. apr. maj jun. jul. aug. sep. okt. nov. dec."),
        *("D. MMMM YYYY", "D. MMM YYYY", "DD.MM.YYYY", "D. MMMM"),
        *(",", ".", _BEHIND, _BEHIND, "og"),
        *("Goddag", "Kære {name}", "Kære {first}", "Kære hr. {last}", "Kære fru {last}"),
    ),
    "nb": Language(
        _words("januar februar mars april mai juni juli august september oktober november desember"),
        _words("jan. feb. mars apr. mai juni juli aug. sep. okt. nov. des."),
        *("D. MMMM YYYY", "D. MMM YYYY", "DD.MM.YYYY", "D. MMMM"),
        *(",", NBSP, _BEHIND, _BEHIND, "og"),
        *("Hei", "Kjære {name}", "Kjære {first}", "Kjære {name}", "Kjære {name}"),
    ),
    "fi": Language(
        _words(
            "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta "
            "heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta"
        ),
        _words("tammik. helmik. maalisk. huhtik. toukok. kesäk. heinäk. elok. syysk. lokak. marrask. jouluk."),
        *("D. MMMM YYYY", "D. MMM YYYY", "D.M.YYYY", "D. MMMM"),
        *(",", NBSP, _BEHIND, _BEHIND, "ja"),
        *("Hei", "Hei {name}", "Hei {first}", "Hyvä herra {last}", "Hyvä rouva {last}"),
    ),
    "cs": Language(
        _words("ledna února března dubna května června července srpna září října listopadu prosince"),
        _words("led úno bře dub kvě čvn čvc srp zář říj lis pro"),
        *("D. MMMM YYYY", "D. MMM YYYY", "DD.MM.YYYY", "D. MMMM"),
        *(",", NBSP, _BEHIND, _BEHIND, "a"),
        *("Dobrý den", "Dobrý den", "", "Vážený pane", "Vážená paní"),
    ),
    "hu": Language(
        _words("január február március április május június július augusztus szeptember október november december"),
        _words("jan. febr. márc. ápr. máj. jún. júl. aug. szept. okt. nov. dec."),
        *("YYYY. MMMM D.", "YYYY. MMM D.", "YYYY. MM. DD.", "MMMM D."),
        *(",", NBSP, _BEHIND, _BEHIND, "és"),
        *("Jó napot kívánok", "Kedves {name}", "Kedves {first}", "Tisztelt {last} Úr", "Tisztelt {last} Asszony"),
    ),
}

_EN = _LANGUAGES["en"]
_AMERICAN = _EN._replace(long="MMMM D, YYYY", medium="MMM D, YYYY", short="M/D/YYYY", day="MMMM D")
_DE = _LANGUAGES["de"]
_REGIONS: dict[str, Language] = {
    "en-US": _AMERICAN._replace(man="Dear Mr. {last}", woman="Dear Ms. {last}"),
    "en-CA": _AMERICAN._replace(short="YYYY-MM-DD"),
    "en-GB": _EN._replace(short="DD/MM/YYYY"),
    "en-IE": _EN._replace(short="DD/MM/YYYY"),
    "en-AU": _EN._replace(short="DD/MM/YYYY"),
    "de-AT": _DE._replace(
        months=("Jänner", *_DE.months[1:]),
        short_months=("Jän.", "Feb.", *_DE.short_months[2:]),
        group=NBSP,
        money=_BEFORE,
        code=_BEFORE,
    ),
    "de-CH": _DE._replace(decimal=".", group="’", money=_BEFORE, code=_BEFORE),
    "fr-CA": _LANGUAGES["fr"]._replace(short="YYYY-MM-DD", group=NBSP),
    "es-MX": _LANGUAGES["es"]._replace(decimal=".", group=",", money="$#", code=_BEFORE, group_from=4),
    "pt-PT": _LANGUAGES["pt"]._replace(
        group=NBSP,
        money=_BEHIND,
        code=_BEHIND,
        group_from=5,
        man="Exmo. Senhor {last}",
        woman="Exma. Senhora {last}",
    ),
}
_ALIASES = {"no": "nb", "nn": "nb"}

_ISO = Language(
    months=_words("01 02 03 04 05 06 07 08 09 10 11 12"),
    short_months=_words("01 02 03 04 05 06 07 08 09 10 11 12"),
    long="YYYY-MM-DD",
    medium="YYYY-MM-DD",
    short="YYYY-MM-DD",
    day="MM-DD",
    decimal=".",
    group="",
    money=_BEFORE,
    code=_BEFORE,
    conjunction="",
    neutral="Hello",
    formal="{name}",
    friendly="{name}",
    man="{name}",
    woman="{name}",
)

SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥", "INR": "₹", "ILS": "₪", "KRW": "₩"}
"""Signs that stand for one currency wherever it is met; ``$`` not in countries with a dollar of their own."""

LOCAL_SYMBOLS = {
    ("SEK", "sv"): "kr",
    ("DKK", "da"): "kr.",
    ("NOK", "nb"): "kr",
    ("PLN", "pl"): "zł",
    ("CZK", "cs"): "Kč",
    ("HUF", "hu"): "Ft",
    ("BRL", "pt"): "R$",
}
"""Signs that are plain only to the readers of one language."""

_DOLLARS = {"AU": "AUD", "CA": "CAD", "MX": "MXN", "NZ": "NZD"}

MEN = frozenset({"mr", "herr", "herrn", "monsieur", "m", "sr", "señor", "sig", "signor", "dhr", "heer", "pan", "hr"})
WOMEN = frozenset(
    {
        "ms",
        "mrs",
        "miss",
        "frau",
        "madame",
        "mme",
        "sra",
        "señora",
        "signora",
        "sig.ra",
        "mevr",
        "mevrouw",
        "pani",
        "fru",
    }
)
"""Titles that may stand alone in a customer's ``salutation``, without their dot, in small letters."""

FAMILY_FIRST = frozenset({"hu", "ja", "ko", "vi", "zh"})
"""Languages in which the family name is written before the given name."""


def base(tag: str) -> str:
    """The language of a tag: ``pt-BR`` gives ``pt``, ``no`` gives ``nb``."""
    code = tag.replace("_", "-").split("-", 1)[0].lower()
    return _ALIASES.get(code, code)


def names() -> tuple[str, ...]:
    """The languages that have tables, and the regions that differ from them."""
    return (*_LANGUAGES, *_REGIONS)


@lru_cache(maxsize=64)
def language(tag: str) -> Language:
    """The forms of the language ``tag`` (ISO 639, with or without a region); ISO forms for one that is not known."""
    code = base(tag)
    region = tag.replace("_", "-").partition("-")[2].upper()
    return _REGIONS.get(f"{code}-{region}") or _LANGUAGES.get(code) or _ISO


def symbol(currency: str, tag: str, home: str = "") -> str:
    """The sign of ``currency`` as readers of ``tag`` know it: ``€``, ``kr``, or the code itself.

    Where people have dollars of their own (the region of ``tag``, else ``home``, the country of the book), those of the
    United States are ``US$``.
    """
    code = base(tag)
    if code not in _LANGUAGES:
        return currency
    region = tag.replace("_", "-").partition("-")[2].upper()
    if currency == "USD" and (region or home.upper()) in _DOLLARS:
        return "US$"
    if region in _DOLLARS and currency == _DOLLARS[region]:
        return "$"
    return LOCAL_SYMBOLS.get((currency, code)) or SYMBOLS.get(currency, currency)
