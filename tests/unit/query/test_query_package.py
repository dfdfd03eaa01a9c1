from __future__ import annotations

import pytest

from crmctl import query


def test_every_name_of_the_package_is_there_and_no_other() -> None:
    assert all(getattr(query, name) is not None for name in query.__all__)
    assert "Words" in query.__all__
    with pytest.raises(AttributeError, match=r"'crmctl\.query' has no attribute 'nonsense'"):
        _ = query.nonsense  # type: ignore[attr-defined]


def test_a_name_is_looked_up_once() -> None:
    vars(query).pop("all_of", None)
    assert query.all_of is query.all_of
    assert "all_of" in vars(query)
