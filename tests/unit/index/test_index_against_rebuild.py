"""Whatever is done to a book by hand and by git: the index brought up to date is the one a rebuild makes."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from helpers.books import age
from helpers.books import contents
from helpers.books import fresh
from helpers.books import git
from helpers.books import rebuilt
from helpers.books import write
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl.index import connecting

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FA"
LINES = st.sampled_from(
    [
        f'{{"id": "{ULID}V", "at": "2026-03-01T12:00:00Z", "type": "purchase", "amount": "10.00", '
        '"lines": [{"product": "rock"}]}',
        f'{{"id": "{ULID}W", "at": "2026-04-01T12:00:00Z", "type": "call", "text": "hello"}}',
        f'{{"id": "{ULID}W", "at": "2026-04-02T12:00:00Z", "type": "purchase", "amount": "1.00", "currency": "USD"}}',
        '{"at": "2026-05-01T12:00:00Z", "type": "note", "tags": ["a", "b"]}',
        '{"id": "ada#1", "type": "note"}',
        "no json",
    ]
)
CUSTOMERS = (
    "name: Ada\ntags: [vip]\n",
    "name: Zoë\nemails:\n  - zoe@example.com\n",
    "role: nameless\n",
    "name: [\n",
    "",
)
DEALS = (
    "name: D\ncustomer: ada\nstage: won\n",
    "name: D\ncustomer: bob\namount: '5'\n",
    "name: D\n",
    "name: D\nname: E\n",
)
CASES = ("name: C\ncustomer: ada\n", "name: C\ncustomer: ada\nstatus: solved\n")
FOLLOWUPS = ("what: x\ndue: 2026-07-01\ncustomer: ada\n", "what: x\ndue: 2026-06-01\ncustomer: bob\ndone: 2026-06-02\n")
SETTINGS = ("currency: EUR\n", "currency: USD\n", "currency: EUR\nkinds:\n  vendor:\n    plural: vendors\n")
TEXTS: dict[str, st.SearchStrategy[str]] = {
    "customers/ada.yaml": st.sampled_from(CUSTOMERS),
    "customers/bob.yaml": st.sampled_from(CUSTOMERS),
    "customers/zz/ada.yaml": st.sampled_from(CUSTOMERS),
    "interactions/ada.jsonl": st.lists(LINES, max_size=4).map("\n".join),
    "interactions/bob.jsonl": st.lists(LINES, max_size=4).map("\n".join),
    "interactions/aa/ada.jsonl": st.lists(LINES, max_size=3).map("\n".join),
    "deals/d.yaml": st.sampled_from(DEALS),
    "cases/c.yaml": st.sampled_from(CASES),
    "followups/f.yaml": st.sampled_from(FOLLOWUPS),
    "products/rock.yaml": st.just("name: Rock\n"),
    "vendors/v.yaml": st.just("name: V\n"),
    "/crm.yaml": st.sampled_from(SETTINGS),
}
PATHS = st.sampled_from([path for path in TEXTS if path != "/crm.yaml"])
WRITES = st.sampled_from(list(TEXTS)).flatmap(lambda path: st.tuples(st.just("write"), st.just(path), TEXTS[path]))
STEPS = st.one_of(
    WRITES,
    WRITES,
    WRITES,
    st.tuples(st.just("remove"), PATHS, st.just("")),
    st.tuples(st.just("rename"), PATHS, PATHS),
    st.tuples(st.just("stage"), PATHS, st.just("")),
    st.tuples(
        st.sampled_from(["commit", "switch", "back", "restore", "clean", "age", "nothing"]), st.just(""), st.just("")
    ),
)


def tried(root: Path, *arguments: str) -> None:
    """Let git try; whatever it does or refuses, the index must follow."""
    subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)


def do(root: Path, what: str, path: str, more: str) -> None:
    """One step of a person or of git."""
    file = root / "records" / path
    if what == "write":
        write(root, {path: more})
    elif what == "remove":
        file.unlink(missing_ok=True)
    elif what == "rename" and file.is_file():
        write(root, {more: ""})
        file.replace(root / "records" / more)
    elif what == "stage":
        tried(root, "add", "-A", "--", f"records/{path}")
    elif what == "commit":
        tried(root, "add", "-A")
        tried(root, "commit", "-q", "-m", "x")
    elif what == "switch":
        tried(root, "switch", "-q", "--discard-changes", "-c", "side")
        tried(root, "switch", "-q", "--discard-changes", "side")
    elif what == "back":
        tried(root, "switch", "-q", "--discard-changes", "main")
    elif what == "restore":
        tried(root, "reset", "-q", "--hard")
    elif what == "clean":
        tried(root, "clean", "-qfd")
    elif what == "age":
        age(root)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(STEPS, min_size=1, max_size=10))
def test_brought_up_to_date_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, str, str]]
) -> None:
    # A refresh that went wrong would be mended by a new index, and hide what is looked for here.
    monkeypatch.setattr(connecting, "discard", None)
    root = tmp_path / "book"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    write(root, {"/crm.yaml": "currency: EUR\n", "customers/ada.yaml": "name: Ada\n"})
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "init")
    for what, path, more in steps:
        do(root, what, path, more)
        if not (root / "crm.yaml").is_file():
            write(root, {"/crm.yaml": "currency: EUR\n"})
        book, anew = fresh(root), rebuilt(root)
        assert contents(book.index, book.schema) == contents(anew.index, anew.schema)
        book.index.close()
