"""What follows from a write by itself: a new record's defaults, dates of stages, the withdrawal a grant came after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import InvalidData

if TYPE_CHECKING:
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book


def with_defaults(book: Book, kind: Kind, data: RawMap) -> RawMap:
    """What a new record starts with, where nothing else was said."""
    today = book.now().date().isoformat()
    if kind.name == "deal":
        pipeline = str(data.get("pipeline") or next(iter(book.settings.pipelines)))
        stage = str(data.get("stage") or book.settings.pipelines[pipeline][0].name)
        data = {"pipeline": pipeline, "stage": stage, "opened": today, **data}
        data.setdefault("stage_log", [{"stage": stage, "at": today}])
        data = _decide(book, data)
    elif kind.name == "case":
        data = {"status": "open", "priority": "normal", "opened": book.now().isoformat(), **data}
        data = _solve(book, {}, _with_targets(book, data))
    elif kind.name == "campaign":
        data = {"status": "draft", **data}
    return data


def _with_targets(book: Book, data: RawMap) -> RawMap:
    """A case's targets, from the book's response targets (hours, by priority)."""
    from datetime import datetime
    from datetime import timedelta

    hours = book.settings.response_targets.get(str(data["priority"]), "")
    if not hours.isdecimal() or "respond_by" in data:
        return data
    opened = datetime.fromisoformat(str(data["opened"]))
    return {**data, "respond_by": (opened + timedelta(hours=int(hours))).isoformat()}


def follow(book: Book, kind: Kind, before: RawMap, after: RawMap) -> RawMap:
    """``after`` with what follows from a change: dates of stages and solutions, the withdrawal a grant came after.

    Raises:
        InvalidData: a deal's pipeline has no such stage.
    """
    if kind.name == "customer":
        return _name_withdrawals(before, after)
    if kind.name == "case":
        return _solve(book, before, after)
    return _log_stage(book, before, after) if kind.name == "deal" else after


def _name_withdrawals(before: RawMap, after: RawMap) -> RawMap:
    """A consent given anew says which withdrawal it follows; a merge would let the withdrawal win over it otherwise."""
    old, new = before.get("consent"), after.get("consent")
    if old == new or not isinstance(old, dict) or not isinstance(new, dict):
        return after
    entries = {purpose: _named(old.get(purpose), entry) for purpose, entry in new.items()}
    return {**after, "consent": entries}


def _named(old: Raw | None, new: Raw) -> Raw:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    was, is_now = (str(entry.get("state", "")).lower() for entry in (old, new))
    given_anew = is_now == "granted" and was in ("withdrawn", "objected", "erased")
    if not given_anew or new.get("follows", "") != old.get("follows", ""):
        return new
    return {**new, "follows": f"{was} {old.get('date', '')}".rstrip()}


def _log_stage(book: Book, before: RawMap, after: RawMap) -> RawMap:
    """A deal that moves to another stage logs when; one that is decided is closed, one that is reopened is not."""
    if all(before.get(name) == after.get(name) for name in ("stage", "pipeline")):
        return after
    if after.get("stage") and before.get("stage") != after.get("stage"):
        log = after.get("stage_log")
        entries = list(log) if isinstance(log, list) else []
        today = book.now().date().isoformat()
        after = {**after, "stage_log": [*entries, {"stage": str(after["stage"]), "at": today}]}
    return _decide(book, after)


def _decide(book: Book, data: RawMap) -> RawMap:
    """A deal with the day it was closed, if its stage says that it is won or lost.

    Raises:
        InvalidData: its pipeline has no such stage.
    """
    pipeline, stage = (str(data.get(name) or "") for name in ("pipeline", "stage"))
    if stage and book.settings.stage(pipeline, stage) is None:
        stages = ", ".join(stage.name for stage in book.settings.pipelines.get(pipeline, ()))
        raise InvalidData(f"stage: the pipeline {pipeline!r} has no stage {stage!r}", hint=f"It has {stages}.")
    if book.settings.deal_status(pipeline, stage) != "open":
        return {**data, "closed": data.get("closed") or book.now().date().isoformat()}
    return {name: value for name, value in data.items() if name != "closed"}


def _solve(book: Book, before: RawMap, after: RawMap) -> RawMap:
    """A case that becomes solved notes when; one that is opened again forgets it."""
    was, is_now = (data.get("status") in ("solved", "closed") for data in (before, after))
    if is_now and not was:
        return {**after, "resolved": after.get("resolved") or book.now().isoformat()}
    if was and not is_now:
        return {name: value for name, value in after.items() if name != "resolved"}
    return after
