"""What is wrong with the steps of a sequence beyond their single values; ``check`` and ``edit`` tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.model.validate import Finding
from crmctl.services.following.enrolments import EMAIL
from crmctl.services.following.enrolments import PAPER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.raw import RawMap


def step_findings(data: RawMap) -> Iterator[Finding]:
    """Steps that could never be taken: mail, letters and SMS without words, or for no purpose."""
    steps = data.get("steps")
    writes = False
    for number, step in enumerate(steps if isinstance(steps, list) else []):
        if not isinstance(step, dict):
            continue
        channel = str(step.get("channel") or "").strip().lower()
        writes |= bool(step.get("template"))
        if channel in (EMAIL, *PAPER) and not step.get("template"):
            words = f"step {number + 1} goes by {channel} and names no template"
            yield Finding(("steps", number, "channel"), "no-template", words, "Add a line `template: NAME`.")
        if channel == "sms" and str(step.get("approval") or "").strip().lower() == "draft":
            words = f"step {number + 1} goes by sms, and only a mail can be read and released first"
            yield Finding(("steps", number, "approval"), "no-draft", words, "Take the line `approval: draft` out.")
    if writes and not data.get("purpose"):
        hint = "Add a line `purpose: NAME`, one of the purposes in crm.yaml."
        yield Finding(("steps",), "no-purpose", "it writes to people and does not say what it is for", hint)
