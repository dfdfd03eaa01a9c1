"""Postal addresses as the country they go to has them, for the window of an envelope."""

from __future__ import annotations

from collections.abc import Mapping

from crmctl.model.countries import name_of
from crmctl.render.lacking import Lacking

# Where the code stands before the town. Source: the Universal Postal Union's addressing systems by country.
_CODE_FIRST = frozenset(
    "AD AR AT BA BE BG BR CH CL CZ DE DK EE ES FI FO FR GL GR HR HU IL IS IT LI LT LU MC ME MK MX NL NO PL PT RO RS SE "
    "SI SK SM TR VA".split()
)
_CODE_BELOW = frozenset({"GB", "GG", "IE", "IM", "JE"})
_REGION_BEHIND = {"BR": " - ", "IT": " ", "MX": ", ", "US": ", ", "CA": " ", "AU": " "}


def postal_lines(address: object, home: str = "") -> str:
    """The lines of ``address`` (the group of a customer): street, town with its code, country.

    The country is written in English and capitals, as the Universal Postal Union asks for, and left out when it is
    ``home`` (an ISO 3166 code).

    Raises:
        Lacking: there is no street or no city.
        ValueError: it is no address.
    """
    if not isinstance(address, Mapping):
        raise ValueError("address is for an address: {{ customer.address|address }}")
    lacking = [name for name in ("street", "city") if name not in address]
    if lacking:
        raise Lacking(*lacking)
    country = str(address.get("country", "")).upper()
    lines = [str(address["street"]).strip(), _town(address, country)]
    if country and country != home.upper():
        lines.append(name_of(country).upper())
    return "\n".join(lines)


def _town(address: Mapping[str, object], country: str) -> str:
    city, code = str(address["city"]), str(address.get("postal_code", ""))
    region = str(address.get("region", "")) if country in _REGION_BEHIND else ""
    town = f"{city}{_REGION_BEHIND[country]}{region}" if region else city
    if not code:
        return town
    if country in _CODE_FIRST:
        return f"{code} {town}"
    return f"{town}\n{code}" if country in _CODE_BELOW else f"{town} {code}"
