"""What SpamAssassin thinks of our campaigns: a budget of points, and no rule about what is missing or malformed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from helpers import campaign_book as books
from helpers import rig_base as rig
from helpers.rig_exim import exim
from helpers.rig_spam import judge

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

BUDGET = 3.0
"""Points a message may have; five are spam."""

CAMPAIGNS = ("new-year", "birthdays-2012", "january-meetings")

# Made by hand, any of these can happen: in the mail of others they do.
BAD_FORM = re.compile(
    r"MISSING_|INVALID_|MSGID_(?!SHORT)|DATE_IN_|.*_PARTIAL_SHORT_MSG|MIME_HTML_ONLY|MIME_HEADER_|MIME_BASE64_TEXT|"
    r"MIME_QP_LONG|BASE64_LENGTH|MPART_ALT_DIFF|FROM_EXCESS|SUBJ_ILLEGAL|SUBJECT_NEEDS|HEAD_|FROM_ILLEGAL|UNPARSEABLE|"
    r"BOGUS_MIME|HTML_MIME_NO_HTML|TO_MALFORMED|FROM_NO|TO_EQ_FROM|SUBJ_ALL_CAPS|HTML_SHORT|HTML_IMAGE_ONLY"
)


def test_every_message_of_the_sample_campaigns_keeps_to_the_budget(sample_dir: Path, run: Run, tmp_path: Path) -> None:
    messages = {}
    for campaign in CAMPAIGNS:
        done = run("-C", sample_dir, "campaign", "preview", campaign, "--to", tmp_path / campaign)
        assert done.code == 0, done.err
        for path in sorted((tmp_path / campaign).glob("*.eml")):
            messages[f"{campaign}/{path.name}"] = path.read_bytes()
    assert len(messages) > 15
    for name, verdict in zip(messages, judge(list(messages.values())), strict=True):
        assert verdict.score <= BUDGET, (name, verdict)
        assert not [rule for rule in verdict.rules if BAD_FORM.match(rule)], (name, verdict)


def test_the_budget_is_one_that_bad_mail_does_not_keep_to() -> None:
    bad = (
        b"From: offers@example.com\r\nTo: you@example.org\r\nSubject: ACT NOW!!! MAKE MONEY FAST\r\n"
        b"List-Unsubscribe: <mailto:x@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n"
        b"<html><body><a href=http://203.0.113.9/x><img src=http://203.0.113.9/x.gif></a>Buy</body></html>\r\n"
    )
    (verdict,) = judge([bad])
    assert verdict.score > BUDGET
    assert verdict.rules >= {"MISSING_DATE", "MISSING_MID", "MIME_HTML_ONLY", "LIST_PARTIAL_SHORT_MSG"}
    assert len([rule for rule in verdict.rules if BAD_FORM.match(rule)]) >= 4


def test_what_arrives_by_way_of_a_mail_server_keeps_to_the_budget(tmp_path: Path, run: Run) -> None:
    root = books.make(tmp_path / "book", 2)
    with exim() as server:
        books.configure(server.port)
        assert run("-C", root, "campaign", "send", "spring", "--send").code == 0
        rig.until(lambda: len(server.messages("people")) == 2)
        messages = server.messages("people")
    for verdict in judge(messages):
        assert verdict.score <= BUDGET, verdict
        assert not [rule for rule in verdict.rules if BAD_FORM.match(rule)], verdict
