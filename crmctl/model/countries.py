"""Countries by code, by English name, or by another name people write."""

from __future__ import annotations

from functools import lru_cache

from crmctl.model.iso import COUNTRIES
from crmctl.model.iso import COUNTRY_SYNONYMS
from crmctl.model.text import fold


@lru_cache(maxsize=1)
def _by_name() -> dict[str, str]:
    names = {fold(name).replace(",", ""): code for code, (_, name) in COUNTRIES.items()}
    names.update({code3.lower(): code for code, (code3, _) in COUNTRIES.items()})
    return {**COUNTRY_SYNONYMS, **names, **{code.lower(): code for code in COUNTRIES}}


def code_of(text: str) -> str:
    """The ISO 3166 two-letter code of a country's code or English name, ``""`` when nothing is known by it."""
    return _by_name().get(fold(text).replace(",", ""), "")


def name_of(code: str) -> str:
    """The common English name of a two-letter code; the code itself when it is nobody's."""
    entry = COUNTRIES.get(code)
    return entry[1] if entry else code
