"""``check``: every way in which a file can be wrong gets an answer, with its place and what to do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write
from helpers.golden import golden

from crmctl.errors import NoBook
from crmctl.errors import NotFound
from crmctl.errors import Problem
from crmctl.errors import UsageProblem
from crmctl.services.book import Book
from crmctl.services.checking import settings as checks_settings
from crmctl.services.checking.checks import check_book
from crmctl.services.checking.json_places import place_in

if TYPE_CHECKING:
    from pathlib import Path

ADA = "id: 01J0000000000000000000000A\nname: Ada\n"


def check(root: Path, files: dict[str, str] | None = None, *paths: str) -> list[Problem]:
    write(root, files or {})
    return check_book(Book(root), paths).problems


def only(problems: list[Problem]) -> Problem:
    (problem,) = problems
    return problem


def test_a_book_in_order_has_no_problems(sample_dir: Path) -> None:
    report = check_book(Book(sample_dir))
    assert [str(problem) for problem in report.problems] == []
    assert report.files > 150


def test_an_empty_book_has_no_problems(book_dir: Path) -> None:
    assert check_book(Book(book_dir)) == ([], 1)


@pytest.mark.parametrize(
    ("text", "line", "column", "code", "message", "hint"),
    [
        ("type: person\n", 0, 0, "missing-field", "customer has no name", "Add a line `name: ...`."),
        (
            "name: Ada\norganisation: x\n",
            2,
            1,
            "unknown-field",
            "there is no field 'organisation' for a customer",
            "Did you mean organization?",
        ),
        (
            "name: Ada\nlast: 2012-01-01\n",
            2,
            1,
            "derived-field",
            "last is counted, it cannot be written",
            "Take the line out; the figure is counted from the other records.",
        ),
        (
            "name: Ada\nlifecycle: custmer\n",
            2,
            1,
            "bad-choice",
            "lifecycle: 'custmer' is not one of lead, prospect, customer, former",
            "Did you mean customer?",
        ),
        (
            "name: Ada\norganization: acne\n",
            2,
            1,
            "unknown-reference",
            "there is no customer 'acne'",
            "Did you mean acme?",
        ),
        (
            "name: Ada\nrelations:\n  - role: friend\n    customer: zzz\n",
            4,
            5,
            "unknown-reference",
            "there is no customer 'zzz'",
            "If it was removed, crmctl history customer zzz says by whom.",
        ),
        ("name: Ada\nowner: Jane Doe\n", 2, 1, "bad-ref", None, None),
        ("name: Ada\nname: Ida\n", 2, 1, "duplicate-key", '"name" is there twice', "keep one of the two"),
        ("name: Ada\ntags: vip\n", 2, 1, "wrong-shape", "tags is a list", "Write each on its own line: `  - vip`."),
        ("name: Ada\nbirthday: 2012-02-30\n", 2, 1, "bad-date", None, None),
        ("name: Ada\nemails:\n  - ada@\n", 3, 5, "bad-email", None, None),
        ("", 0, 0, "empty", "the file is empty", "fill it, or delete it with crmctl"),
        ("name: [Ada\n", 1, 7, "list", None, None),
        ("<<<<<<< ours\nname: Ada\n=======\nname: Ida\n>>>>>>> theirs\n", 1, 1, "conflict-markers", None, None),
    ],
)
def test_what_a_record_says_is_checked(
    book_dir: Path, text: str, line: int, column: int, code: str, message: str | None, hint: str | None
) -> None:
    problem = only(check(book_dir, {"customers/acme.yaml": "name: Acme\n", "customers/ada.yaml": text}))
    assert problem[:4] == ("records/customers/ada.yaml", line, column, code)
    assert message is None or problem.message == message
    assert hint is None or problem.hint == hint


def test_all_problems_of_a_record_are_told_not_just_the_first(book_dir: Path) -> None:
    text = "nmae: Ada\nlifecycle: x\nowner: nobody\nbirthday: soon\n"
    problems = check(book_dir, {"customers/ada.yaml": text})
    assert [(problem.line, problem.code) for problem in problems] == [
        (0, "missing-field"),
        (1, "unknown-field"),
        (2, "bad-choice"),
        (3, "unknown-reference"),
        (4, "bad-date"),
    ]


def test_a_record_that_cannot_be_read_is_still_there_for_those_who_name_it(book_dir: Path) -> None:
    files = {"customers/acme.yaml": "name: [\n", "customers/ada.yaml": "name: Ada\norganization: acme\n"}
    assert only(check(book_dir, files)).path == "records/customers/acme.yaml"


def test_two_files_with_one_id(book_dir: Path) -> None:
    files = {
        "customers/ada.yaml": ADA,
        "customers/bob.yaml": f"# a copy\n{ADA}",
        "deals/one.yaml": f"{ADA}customer: ada\n",
    }
    problems = check(book_dir, files)
    assert [(problem.path, problem.line, problem.code) for problem in problems] == [
        ("records/customers/bob.yaml", 2, "duplicate-id"),
        ("records/deals/one.yaml", 1, "duplicate-id"),
    ]
    assert problems[0].message == "the id 01J0000000000000000000000A stands in records/customers/ada.yaml:1 too"


def test_two_files_with_one_id_are_found_when_one_of_them_is_asked_for(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": ADA, "customers/bob.yaml": ADA})
    problem = only(check(book_dir, {}, str(book_dir / "records/customers/bob.yaml")))
    assert (problem.path, problem.code) == ("records/customers/bob.yaml", "duplicate-id")
    assert "records/customers/ada.yaml" in problem.message


def test_a_record_without_an_id_is_no_problem(book_dir: Path) -> None:
    assert check(book_dir, {"customers/ada.yaml": "name: Ada\n"}) == []


def test_one_handle_in_two_places(book_dir: Path) -> None:
    files = {"customers/ada.yaml": "name: Ada\n", "customers/da/ada.yaml": "name: Ada\n"}
    assert [problem.code for problem in check(book_dir, files)] == ["duplicate-handle", "wrong-place"]


def test_a_flat_file_in_a_sharded_book_is_told_where_to_go(book_dir: Path) -> None:
    write(book_dir, {"/crm.yaml": "layout: sharded\n"})
    files = {"customers/ada.yaml": "name: Ada\n", "customers/ob/bob.yaml": "name: Bob\n"}
    problem = only(check(book_dir, files))
    assert problem.code == "wrong-place"
    move = "git mv -- records/customers/ada.yaml records/customers/da/ada.yaml"
    assert problem.hint == f"Move it: mkdir -p records/customers/da && {move}"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Ada Lovelace", "records/customers/ada-lovelace.yaml"),
        ("CON", "records/customers/con-1.yaml"),
        ("con", "records/customers/con-1.yaml"),
        ("aux.x", "records/customers/aux-x.yaml"),
        ("a" * 200, f"records/customers/{'a' * 64}.yaml"),
        ("ada..b", "records/customers/ada-b.yaml"),
        ("ünal", "records/customers/unal.yaml"),
        ("--", "Give the file a name such as ada-lovelace."),
    ],
)
def test_a_file_whose_name_is_no_handle(book_dir: Path, name: str, hint: str) -> None:
    problem = only(check(book_dir, {f"customers/{name}.yaml": "name: Ada\n"}))
    assert problem.code == "bad-handle"
    assert hint in problem.hint


def test_a_file_name_that_is_no_text_can_be_told(book_dir: Path) -> None:
    write(book_dir, {"customers/a\udcff\n.yaml": "name: Ada\n"})
    assert only(check(book_dir)).code == "bad-handle"


def test_what_is_no_plain_file_is_neither_read_nor_waited_for(book_dir: Path) -> None:
    folder = book_dir / "records" / "customers"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe.yaml")
    (folder / "folder.yaml").mkdir()
    (book_dir / "outside").write_text("name: Outside\n")
    (folder / "link.yaml").symlink_to(book_dir / "outside")
    (folder / "broken.yaml").symlink_to("nowhere")
    found = {problem.path.rpartition("/")[2]: (problem.code, problem.message) for problem in check(book_dir)}
    assert found == {
        "broken.yaml": ("not-a-file", "a symbolic link stands where a record should be"),
        "folder.yaml": ("not-a-file", "a folder stands where a record should be"),
        "link.yaml": ("not-a-file", "a symbolic link stands where a record should be"),
        "pipe.yaml": ("not-a-file", "a pipe or a device stands where a record should be"),
    }


def test_what_is_no_record_is_told(book_dir: Path) -> None:
    files = {
        "readme.md": "fine",
        "customers/README": "fine",
        "customers/.gitkeep": "fine",
        "sends/spring/host.jsonl": "fine",
        "notes.txt": "stray",
        "custmers/ada.yaml": "name: Ada\n",
        "zzz/ada.yaml": "name: Ada\n",
        "customers/ada.yml": "name: Ada\n",
        "customers/ada.yaml~": "name: Ada\n",
        "customers/x/y/ada.yaml": "name: Ada\n",
    }
    problems = check(book_dir, files)
    assert [(problem.path, problem.code) for problem in problems] == [
        ("records/custmers", "unknown-folder"),
        ("records/customers/ada.yaml~", "stray-file"),
        ("records/customers/ada.yml", "wrong-ending"),
        ("records/customers/x/y", "stray-file"),
        ("records/notes.txt", "stray-file"),
        ("records/zzz", "unknown-folder"),
    ]
    assert "Did you mean customers?" in problems[0].hint
    assert problems[2].hint == "Rename it: git mv -- records/customers/ada.yml records/customers/ada.yaml"


def test_a_linked_folder_is_not_followed(book_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "ada.yaml").write_text("nmae: x\n")
    (book_dir / "records").mkdir()
    (book_dir / "records" / "customers").symlink_to(tmp_path / "elsewhere")
    assert only(check(book_dir))[:4] == ("records/customers", 0, 0, "not-a-file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(book_dir: Path) -> None:
    write(book_dir, {"customers/ada.yaml": "name: Ada\n", "deals/x.yaml": "name: X\n"})
    (book_dir / "records/customers/ada.yaml").chmod(0)
    (book_dir / "records/deals").chmod(0)
    codes = [(problem.path, problem.code) for problem in check(book_dir)]
    (book_dir / "records/deals").chmod(0o755)
    assert codes == [("records/customers/ada.yaml", "unreadable"), ("records/deals", "unreadable")]


def test_interactions_are_checked_line_by_line(book_dir: Path) -> None:
    lines = (
        '{"id": "01J0000000000000000000000B", "at": "2026-01-01T10:00:00Z", "type": "call"}\n'
        '{"at": "2026-01-01T10:00:00Z", "type": "cal", "deal": "none"}\n'
        "not json\n"
        '{"at": "2026-01-01T10:00:00Z", "type": "call", "lines": [{"product": "x"}, {"quantity": "1", "prize": "2"}]}\n'
        '{"id": "01J0000000000000000000000B", "at": "2026-01-01T10:00:00Z", "type": "call"}\n'
    )
    files = {"customers/ada.yaml": "name: Ada\n", "interactions/ada.jsonl": lines, "products/x.yaml": "name: X\n"}
    problems = check(book_dir, files)
    assert [(problem.line, problem.column, problem.code) for problem in problems] == [
        (2, 32, "bad-choice"),
        (2, 47, "unknown-reference"),
        (3, 1, "syntax"),
        (4, 94, "unknown-field"),
        (5, 1, "duplicate-id"),
    ]
    assert problems[-1].message.endswith("stands in records/interactions/ada.jsonl:1 too")


def test_interactions_of_nobody(book_dir: Path) -> None:
    files = {"customers/adam.yaml": "name: Adam\n", "interactions/ada.jsonl": ""}
    problem = only(check(book_dir, files))
    assert problem.message == "there is no customer 'ada' whose history this is"
    assert problem.hint == "Did you mean adam?"


def test_amounts_must_fit_their_currency(book_dir: Path) -> None:
    files = {
        "customers/ada.yaml": "name: Ada\n",
        "deals/x.yaml": 'name: X\ncustomer: ada\namount: "1.234"\ncurrency: EUR\n',
        "deals/y.yaml": 'name: Y\ncustomer: ada\namount: "1.234"\ncurrency: KWD\n',
    }
    assert only(check(book_dir, files))[:4] == ("records/deals/x.yaml", 3, 1, "bad-money")


def test_a_stage_must_be_one_of_the_deals_own_pipeline(book_dir: Path) -> None:
    settings = 'pipelines:\n  sales:\n    lead: "10"\n    won: won\n  repairs:\n    open: "50"\n    done: won\n'
    deal = "name: X\ncustomer: ada\npipeline: sales\nstage: done\n"
    files = {"/crm.yaml": settings, "customers/ada.yaml": "name: Ada\n", "deals/x.yaml": deal}
    problem = only(check(book_dir, files))
    assert problem[:4] == ("records/deals/x.yaml", 4, 1, "bad-choice")
    assert problem.hint == "Its stages are lead, won."


def test_templates_and_filters_are_followed(book_dir: Path) -> None:
    files = {
        "/templates/newsletter.md": "Hello",
        "/templates/de/brief.txt": "Hallo",
        "campaigns/a.yaml": "name: A\npurpose: newsletter\ntemplate: newsleter\n",
        "campaigns/b.yaml": "name: B\npurpose: newsletter\ntemplate: newsletter.md\n",
        "campaigns/c.yaml": "name: C\npurpose: newsletter\ntemplate: nothing-like-it\n",
        "followups/d.yaml": "what: D\ndue: 2026-01-01\ntemplate: de/brief\n",
        "segments/e.yaml": "name: E\nfilter: tagg:vip\n",
        "segments/f.yaml": "name: F\nfilter: (tag:vip\n",
        "segments/g.yaml": "name: G\nfilter: last<-180d\n",
        "sequences/h.yaml": "name: H\nsteps:\n  - wait: 3d\n    what: call\n    when: spent>=lots\n",
    }
    problems = check(book_dir, files)
    assert [(problem.path.rpartition("/")[2], problem.line, problem.code) for problem in problems] == [
        ("a.yaml", 3, "unknown-template"),
        ("c.yaml", 3, "unknown-template"),
        ("e.yaml", 2, "bad-filter"),
        ("f.yaml", 2, "bad-filter"),
        ("h.yaml", 5, "bad-filter"),
    ]
    assert [problem.hint for problem in problems[:3]] == [
        "Did you mean newsletter?",
        "Write one: templates/nothing-like-it.md",
        "Did you mean tag or tags?",
    ]


def test_settings_are_checked_with_their_lines(book_dir: Path) -> None:
    settings = (
        "name: Test\n"
        "currency: XXQ\n"
        "colour: red\n"
        "editor: vi\n"
        "pipelines:\n"
        "  sales:\n"
        '    lead: "10"\n'
        "    won: maybe\n"
        "fields:\n"
        "  customer:\n"
        "    size:\n"
        "      type: nubmer\n"
        "    boss:\n"
        "      type: ref\n"
        "      kind: wizard\n"
    )
    found = {(problem.line, problem.code) for problem in check(book_dir, {"/crm.yaml": settings})}
    assert found == {(line, "bad-setting") for line in (2, 3, 4, 8, 11, 13)}


def test_settings_that_cannot_be_read_close_the_book(book_dir: Path) -> None:
    write(book_dir, {"/crm.yaml": "name: [\n"})
    with pytest.raises(NoBook) as caught:
        check_book(Book(book_dir))
    assert caught.value.problems[0].path == "crm.yaml"


def test_settings_that_are_gone_or_empty(book_dir: Path) -> None:
    write(book_dir, {"/crm.yaml": ""})
    assert checks_settings.load(book_dir).settings.currency == "EUR"
    (book_dir / "crm.yaml").unlink()
    with pytest.raises(NoBook, match=r"no crm\.yaml any more"):
        checks_settings.load(book_dir)
    (book_dir / "crm.yaml").mkdir()
    with pytest.raises(NoBook, match="a folder"):
        checks_settings.load(book_dir)


def test_only_what_was_asked_for(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(book_dir, {"customers/ada.yaml": "nmae: Ada\n", "deals/x.yaml": "name: X\n", "/crm.yaml": "colour: red\n"})

    def paths(*asked: str) -> set[str]:
        return {problem.path for problem in check_book(Book(book_dir), asked).problems}

    everything = {"crm.yaml", "records/customers/ada.yaml", "records/deals/x.yaml"}
    assert paths() == paths(str(book_dir)) == everything
    assert paths("records/deals") == {"records/deals/x.yaml"}
    assert paths("crm.yaml") == {"crm.yaml"}
    monkeypatch.chdir(book_dir / "records" / "customers")
    assert paths("ada.yaml", "../deals/x.yaml") == everything - {"crm.yaml"}


def test_paths_that_lead_nowhere(book_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    for path, error in (
        ("records/customers/none.yaml", NotFound),
        ("nothing", NotFound),
        (str(tmp_path / "other"), UsageProblem),
        ("../../../etc/passwd", (UsageProblem, NotFound)),
    ):
        with pytest.raises(error):
            check_book(Book(book_dir), [path])


def test_a_book_reached_through_a_link(book_dir: Path, tmp_path: Path) -> None:
    write(book_dir, {"customers/ada.yaml": "nmae: Ada\n"})
    (tmp_path / "link").symlink_to(book_dir)
    report = check_book(Book(tmp_path / "link"), [str(book_dir / "records/customers/ada.yaml")])
    assert report.files == 1
    assert len(report.problems) == 2


def test_files_that_git_ignores_or_does_not_know_are_seen_too(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    write(book_dir, {"customers/bob.yaml": "nmae: Bob\n"})
    assert {problem.path for problem in check(book_dir)} == {"records/customers/bob.yaml"}
    assert git(book_dir, "status", "--short") == "?? records/customers/bob.yaml\n"


def test_progress_is_told(book_dir: Path) -> None:
    write(book_dir, {f"customers/c{number}.yaml": "name: C\n" for number in range(300)})
    steps: list[tuple[int, int]] = []
    check_book(Book(book_dir), progress=lambda done, total: steps.append((done, total)))
    assert steps == [(0, 300), (256, 300)]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ((), "{"),
        (("b",), '"b"'),
        (("b", 1), '{"c"'),
        (("b", 1, "c"), '"c"'),
        (("b", 7), '"b"'),
        (("b", "c"), '"b"'),
        (("z",), "{"),
        (("a", 0), '"a"'),
        (("d", 0), '"d"'),
        (("d",), '"d"'),
    ],
)
def test_places_in_json(path: tuple[str | int, ...], found: str) -> None:
    text = ' {"a": "b\\" :", "b": [ 1, {"c": null} ], "d": [], "e": {} }'
    assert text[place_in(text, path) :].startswith(found)


def test_an_empty_object_has_one_place() -> None:
    assert place_in("{}", ("a",)) == 0


def test_what_people_see(book_dir: Path) -> None:
    """One of each kind of problem, as ``check`` prints them."""
    files = {
        "/crm.yaml": "name: Test\ncurency: EUR\ncountry: DE\n",
        "customers/ada.yaml": f"{ADA}lifecycle: custmer\nemails:\n  - ada@\nphones:\n  - '12'\nbirthday: 31.12.1990\n",
        "customers/bob.yaml": f"{ADA}organization: add\nfavourite: tea\n",
        "customers/Carl.yaml": "name: Carl\n",
        "customers/dora.yaml": "name: Dora\nnotes: a: b\n",
        "interactions/ada.jsonl": '{"at": "yesterday", "type": "call"}\n{"type": "call",}\n',
        "deals/x.yaml": 'name: X\ncustomer: ada\namount: "1.234"\n',
        "segments/s.yaml": "name: S\nfilter: lifecicle:lead\n",
        "todo.txt": "buy milk",
    }
    problems = check(book_dir, files)
    shown = [f"{problem}\n" + (f"  hint: {problem.hint}\n" if problem.hint else "") for problem in problems]
    golden("check.txt", "".join(shown))


def test_what_git_would_do_otherwise(book_dir: Path) -> None:
    (book_dir / ".gitmodules").write_text('[submodule "x"]\n\tpath = x\n\turl = ext::sh -c evil\n')
    (book_dir / ".gitattributes").write_text("records/**/*.yaml merge=crmctl\n* merge=text filter=x\n")
    found = [(problem.path, problem.line, problem.code) for problem in check_book(Book(book_dir)).problems]
    assert found == [(".gitattributes", 2, "attributes"), (".gitmodules", 0, "submodule")]
