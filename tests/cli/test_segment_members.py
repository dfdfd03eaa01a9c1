"""``crmctl segment members``: who is in a segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


def test_the_filter_says_who_is_in(sample_dir: Path, run: Run) -> None:
    done = run("-C", sample_dir, "segment", "members", "rock-fans", "-o", "ids")
    assert (done.code, done.err) == (0, "")
    found = done.out.splitlines()
    assert found == sorted(found)
    assert {"astrid-gruber", "luis-rojas"} <= set(found)
    assert len(found) == 14


def test_those_who_are_named_are_in_too(sample_dir: Path, run: Run) -> None:
    run("-C", sample_dir, "segment", "set", "rock-fans", "customers+=mark-philips")
    done = run("-C", sample_dir, "segment", "members", "rock", "-o", "ids")
    assert "mark-philips" in done.out.splitlines()
    assert len(done.out.splitlines()) == 15


def test_an_empty_segment_says_so(sample_dir: Path, run: Run) -> None:
    run("-C", sample_dir, "segment", "add", "Nobody", "--filter", "name:xyzzy")
    done = run("-C", sample_dir, "segment", "members", "nobody")
    assert (done.code, done.out, done.err) == (0, "", "Nobody is in nobody\n")


def test_a_filter_with_a_field_that_customers_have_not_is_refused(sample_dir: Path, run: Run) -> None:
    done = run("-C", sample_dir, "segment", "add", "Everybody", "--filter", "lifecyle:customer")
    assert done.code == 2
    assert "Did you mean lifecycle?" in done.err
    assert run("-C", sample_dir, "segment", "set", "rock-fans", "filter=lifecyle:customer").code == 2
    assert run("-C", sample_dir, "segment", "set", "rock-fans", "filter=lifecycle:customer").code == 0
    assert run("-C", sample_dir, "segment", "set", "rock-fans", "filter=").code == 0


def test_an_unknown_segment_is_not_found(sample_dir: Path, run: Run) -> None:
    assert run("-C", sample_dir, "segment", "members", "nosuch").code == 3
