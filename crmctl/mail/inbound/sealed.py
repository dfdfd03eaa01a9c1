"""Messages that were signed or encrypted: what can be read of them is read, and the rest is said to be sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import Message

_ENCRYPTED, _ENCRYPTED_END = "-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----"
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE, _SIGNATURE_END = "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----"


def is_sealed(part: Message) -> bool:
    """Whether a part is encrypted, by PGP (RFC 3156) or S/MIME (RFC 8551), or signed in a form that hides its text."""
    type_ = part.get_content_type()
    return type_ in ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")


def has_sealed(text: str) -> bool:
    """Whether a text holds one that is encrypted by PGP."""
    return _ENCRYPTED in text


def opened(text: str) -> str:
    """A text without the frame of a PGP signature around it (RFC 9580, section 7), and without what is encrypted."""
    if "-----BEGIN PGP " not in text:
        return text
    kept: list[str] = []
    ends, in_head, is_signed = "", False, False
    for line in text.split("\n"):
        bare = line.rstrip()
        if ends:  # Within what nobody reads.
            ends = "" if bare == ends else ends
        elif bare == _SIGNED:
            in_head, is_signed = True, True
        elif in_head:  # "Hash: SHA256", up to an empty line.
            in_head = bool(bare)
        elif bare == _ENCRYPTED:
            ends = _ENCRYPTED_END
        elif bare == _SIGNATURE:
            ends, is_signed = _SIGNATURE_END, False
        else:
            kept.append(line.removeprefix("- ") if is_signed else line)
    return "\n".join(kept)
