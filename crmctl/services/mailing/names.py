"""Asking the DNS, with dnspython where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.services.mailing.domains import LookupFailed

if TYPE_CHECKING:
    from crmctl.services.mailing.domains import Lookup

_SECONDS = 5.0


def resolver() -> Lookup | None:
    """A way to look names up as this machine does; None when dnspython is not installed."""
    try:
        from dns import exception
        from dns import resolver as resolvers
    except ImportError:
        return None

    def lookup(name: str, kind: str) -> list[str]:
        try:
            answer = resolvers.resolve(name, kind, lifetime=_SECONDS)
        except (resolvers.NXDOMAIN, resolvers.NoAnswer):
            return []
        except (exception.DNSException, OSError) as exc:
            raise LookupFailed(f"{name} could not be looked up: {type(exc).__name__}") from None
        if kind == "TXT":
            return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
        return sorted(record.to_text() for record in answer)

    return lookup
