"""The id of a send: decided by what is sent to whom, and found again wherever servers put it."""

from __future__ import annotations

import re

import pytest

from crmctl.mail.addresses import Refused
from crmctl.mail.identifiers import find_sid
from crmctl.mail.identifiers import find_sids
from crmctl.mail.identifiers import is_send_id
from crmctl.mail.identifiers import message_id
from crmctl.mail.identifiers import send_id
from crmctl.mail.identifiers import verp

SID = send_id("01CAMPAIGN", "01CUSTOMER", "email")


def test_the_same_send_has_the_same_id_for_ever() -> None:
    # A changed way of making ids would send everything again: this value never changes.
    assert send_id("01CAMPAIGN", "01CUSTOMER", "email", step="1", occurrence="2027-Q1") == "2ERR2PEE24PLMRGUVCZFJBRN4N"


def test_the_id_fits_everywhere() -> None:
    assert re.fullmatch(r"[A-Z2-7]{26}", SID)
    assert is_send_id(SID)


@pytest.mark.parametrize("text", ["", SID[:-1], SID + "A", SID.lower(), SID[:-1] + "1", SID + "\n"])
def test_other_texts_are_no_ids(text: str) -> None:
    assert not is_send_id(text)


def test_each_part_makes_another_id() -> None:
    ids = {
        SID,
        send_id("01CAMPAIGM", "01CUSTOMER", "email"),
        send_id("01CAMPAIGN", "01CUSTOMES", "email"),
        send_id("01CAMPAIGN", "01CUSTOMER", "letter"),
        send_id("01CAMPAIGN", "01CUSTOMER", "email", step="2"),
        send_id("01CAMPAIGN", "01CUSTOMER", "email", occurrence="2"),
        send_id("01CAMPAIGN0", "1CUSTOMER", "email"),
        send_id("01CAMPAIGN", "01CUSTOMER", "email", step="0:,2:"),
    }
    assert len(ids) == 8


def test_message_id_has_an_ascii_domain() -> None:
    assert message_id(SID, "bücher.example") == f"<{SID}@xn--bcher-kva.example>"


@pytest.mark.parametrize("domain", ["", "a b.example", "example.com>\r\nBcc: x", "-.example"])
def test_message_id_takes_no_other_domain(domain: str) -> None:
    with pytest.raises(Refused):
        message_id(SID, domain)


def test_return_path_fits_before_the_at() -> None:
    longest = "b" * 37
    assert verp(SID, "bounces@example.com") == f"bounces+{SID}@example.com"
    assert len(verp(SID, f"{longest}@example.com").partition("@")[0]) == 64
    with pytest.raises(Refused, match="37 at most"):
        verp(SID, f"{longest}b@example.com")


@pytest.mark.parametrize(
    "text",
    [
        f"<{SID}@example.com>",
        f"bounces+{SID}@example.com",
        f"bounces+{SID}@example.com".lower(),
        f"prvs=1234567890=bounces+{SID}@example.com",
        f"btv1==123abc==bounces+{SID}@example.com",
        f"SRS0=HHH=TT=example.com=bounces+{SID}@forwarder.example",
        f"SRS1=HHH=other.example==HHH=TT=example.com=bounces+{SID}@forwarder.example",
        f"X-Crmctl-Send: {SID}",
        f"Original-Envelope-Id: {SID}",
        f'"bounces+{SID}"@example.com',
    ],
)
def test_found_however_it_is_wrapped(text: str) -> None:
    assert find_sid(text) == SID


@pytest.mark.parametrize(
    "text",
    ["", "bounces@example.com", f"x{SID}@example.com", f"{SID}9@example.com", SID[1:], "01HZX5V0000000000000000000"],
)
def test_no_id_in_other_text(text: str) -> None:
    assert find_sid(text) == ""


def test_all_ids_of_a_thread_in_order() -> None:
    other = send_id("c", "k", "email")
    assert find_sids(f"<{other}@a.example> <x@b> <{SID}@a.example> <{other.lower()}@a.example>") == [other, SID]
