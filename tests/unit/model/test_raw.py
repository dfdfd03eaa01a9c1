"""The shape of a record as it stands in its file."""

from __future__ import annotations

from typing import get_args
from typing import get_origin

from crmctl.model import raw


def test_a_record_is_a_map_of_texts_lists_and_maps() -> None:
    assert get_origin(raw.RawMap) is dict
    assert get_args(raw.RawMap)[0] is str
    assert [get_origin(part) or part for part in get_args(raw.Raw)] == [str, list, dict]
