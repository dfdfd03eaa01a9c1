"""The history of one customer: read once, added to, never written over what could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import pytest

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.store import jsonl
from crmctl.store.interactions import TABLE
from crmctl.store.interactions import InteractionFile
from crmctl.store.interactions import InteractionStorage

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH = "records/interactions/ada.jsonl"


def by_time(document: Mapping[str, Any]) -> Any:
    return document["at"]


def document(number: int, at: str = "2026-05-01", **more: Any) -> dict[str, Any]:
    return {"id": f"I{number:05}", "at": at, "type": "call", **more}


def lines(*documents: Mapping[str, Any]) -> bytes:
    return b"".join(jsonl.write_line(one) for one in documents)


class Counter:
    """Counts how many lines are parsed and written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.parsed = 0
        self.written = 0
        parse, write = jsonl.parse_line, jsonl.write_line

        def counting_parse(raw: bytes) -> Any:
            self.parsed += bool(raw)
            return parse(raw)

        def counting_write(value: Mapping[str, Any]) -> bytes:
            self.written += 1
            return write(value)

        monkeypatch.setattr(jsonl, "parse_line", counting_parse)
        monkeypatch.setattr(jsonl, "write_line", counting_write)


def test_adding_one_to_ten_thousand_reads_each_once_and_writes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    data = lines(*(document(n) for n in range(10_000)))
    counter = Counter(monkeypatch)
    file = InteractionFile(data, PATH, by_time)
    file.add(document(10_000, "2026-06-01"))
    assert (counter.parsed, counter.written) == (10_000, 1)
    assert file.content() == data + lines(document(10_000, "2026-06-01"))
    file.replace("I00003", document(3, text="corrected"))
    file.remove("I00004")
    assert len(file.all()) == 10_000
    assert (counter.parsed, counter.written) == (10_000, 3)


def test_a_new_file() -> None:
    file = InteractionFile(b"", PATH, by_time)
    assert file.all() == []
    assert file.content() == b""
    file.add_many([document(2, "2026-02"), document(1, "2026-01")])
    assert file.content() == lines(document(1, "2026-01"), document(2, "2026-02"))
    assert file.all() == [document(1, "2026-01"), document(2, "2026-02")]


def test_nothing_added_is_the_same_bytes() -> None:
    data = b'\xef\xbb\xbf{"id":"x","at":"2"}\n\n{"id":"y","at":"1"}'
    file = InteractionFile(data, PATH, by_time)
    file.add_many([])
    assert file.content() == data


def test_lines_that_do_not_change_keep_their_bytes() -> None:
    data = b'{"id":"a",   "at":"1", "minutes": 15}\r\n\n  {"at": "3", "id": "c"}'
    file = InteractionFile(data, PATH, by_time)
    file.add({"id": "b", "at": "2"})
    assert file.content() == (
        b'{"id":"a",   "at":"1", "minutes": 15}\r\n{"id": "b", "at": "2"}\n  {"at": "3", "id": "c"}\n'
    )


def test_of_equal_times_the_older_line_comes_first() -> None:
    file = InteractionFile(lines(document(2), document(1)), PATH, by_time)
    file.add(document(0), document(3))
    assert [one["id"] for one in file.all()] == ["I00002", "I00001", "I00000", "I00003"]


def test_a_changed_time_moves_the_line() -> None:
    file = InteractionFile(lines(document(1, "1"), document(2, "2")), PATH, by_time)
    file.replace("I00001", document(1, "3"))
    assert file.content() == lines(document(2, "2"), document(1, "3"))


def test_a_replaced_document_loses_fields_it_no_longer_has() -> None:
    file = InteractionFile(lines(document(1, text="x")), PATH, by_time)
    file.replace("I00001", document(1))
    assert file.content() == lines(document(1))


def test_a_change_inside_a_list_is_written_though_the_list_is_shared() -> None:
    file = InteractionFile(lines(document(1, tags=["a"])), PATH, by_time)
    (one,) = file.all()
    one["tags"].append("b")
    file.replace("I00001", one)
    assert file.content() == lines(document(1, tags=["a", "b"]))


def test_removing_the_last_one_empties_the_file() -> None:
    file = InteractionFile(lines(document(1)), PATH, by_time)
    file.remove("I00001")
    assert file.content() == b""
    file.add(document(1))
    assert file.content() == lines(document(1))


def test_an_id_is_there_once() -> None:
    data = lines(document(1))
    file = InteractionFile(data, PATH, by_time)
    for new in ([document(1)], [document(2), document(2)]):
        with pytest.raises(InvalidData, match="already") as raised:
            file.add_many(new)
        assert raised.value.hint
        assert file.content() == data
    file.add({"at": "1"}, {"at": "2"})
    assert len(file.all()) == 3


def test_an_unknown_id_is_not_found() -> None:
    file = InteractionFile(lines(document(1)), PATH, by_time)
    with pytest.raises(NotFound, match="no interaction nobody"):
        file.remove("nobody")
    with pytest.raises(NotFound, match="no interaction nobody"):
        file.replace("nobody", document(2))
    assert file.content() == lines(document(1))


def test_an_id_that_is_there_twice_is_not_guessed_at() -> None:
    file = InteractionFile(lines(document(1), document(1, "2026-06-01")), PATH, by_time)
    with pytest.raises(InvalidData, match="2 interactions have the id I00001"):
        file.remove("I00001")


def test_what_cannot_be_read_is_not_written_over() -> None:
    data = lines(document(1)) + b"{oops\n" + b"[]\n"
    file = InteractionFile(data, PATH, by_time)
    for _ in range(2):
        with pytest.raises(InvalidData, match="2 lines of the history cannot be read") as raised:
            file.add(document(2))
        assert [problem.line for problem in raised.value.problems] == [2, 3]
    assert file.content() == data
    with pytest.raises(InvalidData, match="a line of the history cannot be read"):
        InteractionFile(b"{oops\n", PATH, by_time).all()


def test_the_storage_serves_tinydb_itself() -> None:
    kept: list[bytes] = []
    storage = InteractionStorage(lines(document(1)), PATH, kept.append, by_time)
    assert storage.read() == {TABLE: {"1": document(1)}}
    storage.write({})
    assert kept == [b""]
    assert storage.read() == {TABLE: {}}


def test_what_tinydb_changes_in_place_is_noticed() -> None:
    kept: list[bytes] = []
    storage = InteractionStorage(lines(document(1)), PATH, kept.append, by_time)
    data = storage.read()
    data[TABLE]["1"]["type"] = "email"
    storage.write(data)
    assert kept == [lines({**document(1), "type": "email"})]
