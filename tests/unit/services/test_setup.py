"""Making a book: what stands in it, where it lives, and what is left when it fails."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from crmctl import errors
from crmctl.model.settings import DEFAULT_PIPELINES
from crmctl.model.settings_reading import read_settings
from crmctl.services import shipped
from crmctl.services.book import Book
from crmctl.services.clone import setup
from crmctl.services.clone import starter
from crmctl.services.clone.starter import Basics
from crmctl.store import files
from crmctl.store import placing
from crmctl.store.yaml_reader import read_yaml
from crmctl.vcs import create as vcs_create

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.clone.setup import Made


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True).stdout


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under ``folder`` but git's own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def committed(made: Made) -> list[str]:
    return git(made.book.root, "show", "--name-only", "--format=", "--relative", made.commit).splitlines()


def test_a_new_book_is_one_commit_on_main_and_nothing_is_left_over(tmp_path: Path) -> None:
    made = setup.make(tmp_path / "acme", Basics(currency="USD", timezone="America/Denver", country="US"))
    root = tmp_path / "acme"
    assert made.new
    assert made.top == root
    assert git(root, "log", "--format=%s") == "init: a new book\n"
    assert git(root, "symbolic-ref", "--short", "HEAD") == "main\n"
    assert git(root, "status", "--porcelain") == ""
    assert sorted(committed(made)) == sorted(tree(root)) == sorted(made.files)
    assert {"crm.yaml", ".gitattributes", ".gitignore", "templates/newsletter.md"} <= set(made.files)
    settings = Book(root).settings
    assert settings[:6] == ("acme", "USD", "America/Denver", "en", "US", "flat")
    assert settings.problems == ()


def test_a_new_book_has_the_templates_that_come_with_crmctl(tmp_path: Path) -> None:
    setup.make(tmp_path / "acme", Basics())
    there = {path: data for path, data in tree(tmp_path / "acme").items() if path.startswith("templates/")}
    assert there == dict(shipped.files("templates"))
    assert len(there) >= 5


def test_a_record_can_be_added_to_a_new_book(tmp_path: Path) -> None:
    from crmctl.services import records

    book = setup.make(tmp_path / "acme", Basics(layout="sharded")).book
    kind = book.schema.kind("customer")
    assert kind is not None
    with book.write("test") as tx:
        records.save(book, tx, kind, records.path_of(book, kind, "ada-lovelace"), {"name": "Ada Lovelace"})
        tx.commit("customer: add ada-lovelace")
    book.refresh()
    assert (tmp_path / "acme/records/customers/ce/ada-lovelace.yaml").is_file()
    assert book.index.rows("SELECT handle FROM customers") == [("ada-lovelace",)]


def test_the_sample_is_what_is_shipped(tmp_path: Path) -> None:
    made = setup.make(tmp_path / "play", Basics(), sample=True)
    there = tree(tmp_path / "play")
    records = dict(shipped.files("records"))
    assert there["crm.yaml"] == records.pop("records/sample.yaml")
    assert {path: data for path, data in there.items() if path.startswith("records/")} == records
    assert git(tmp_path / "play", "status", "--porcelain") == ""
    assert sorted(committed(made)) == sorted(there)
    assert made.book.settings.name == "Chinook Records"
    assert made.book.unreadable() == []


def test_the_sample_takes_no_other_settings(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageProblem, match="brings its own settings"):
        setup.make(tmp_path / "play", Basics(currency="EUR"), sample=True)
    assert not (tmp_path / "play").exists()


def test_the_sample_does_not_mix_with_records_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    with pytest.raises(errors.Conflict, match="would mix"):
        setup.make(tmp_path, Basics(), sample=True)
    assert names(tmp_path) == ["records"]


# Where it lives


def test_a_book_in_a_repository_leaves_other_work_alone(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "trunk")
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "staged.txt").write_text("staged")
    git(tmp_path, "add", "staged.txt")
    made = setup.make(tmp_path, Basics())
    assert not made.new
    assert "mine.txt" not in committed(made)
    assert git(tmp_path, "status", "--porcelain") == "A  staged.txt\n?? mine.txt\n"
    assert git(tmp_path, "symbolic-ref", "--short", "HEAD") == "trunk\n"


def test_a_subfolder_of_a_repository_becomes_a_book_in_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "before")
    made = setup.make(tmp_path / "office" / "crm", Basics())
    assert (made.new, made.top) == (False, tmp_path)
    assert not (tmp_path / "office/crm/.git").exists()
    assert git(tmp_path, "log", "--format=%s") == "init: a new book\nbefore\n"
    assert git(tmp_path, "status", "--porcelain") == ""
    assert "office/crm/crm.yaml" in git(tmp_path, "ls-files").splitlines()
    assert made.book.settings.name == "crm"


def test_a_folder_that_the_repository_around_it_ignores_gets_its_own(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / ".gitignore").write_text("/private/\n")
    made = setup.make(tmp_path / "private", Basics())
    assert made.new
    assert git(tmp_path / "private", "rev-parse", "--show-toplevel") == f"{tmp_path / 'private'}\n"


def test_files_that_are_there_stay_and_are_named(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/newsletter.md").write_text("mine")
    (tmp_path / ".gitignore").write_text("*.tmp\n")
    made = setup.make(tmp_path, Basics())
    assert set(made.kept) == {".gitignore", "templates/newsletter.md"}
    assert (tmp_path / "templates/newsletter.md").read_text() == "mine"
    assert set(made.kept).isdisjoint(committed(made))
    assert git(tmp_path, "status", "--porcelain") == "?? .gitignore\n?? templates/newsletter.md\n"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/templates").symlink_to(elsewhere)
    made = setup.make(tmp_path / "acme", Basics())
    assert names(elsewhere) == []
    assert "templates/newsletter.md" in made.kept


@pytest.mark.parametrize("name", ["Müller & Söhne", "it's #1: yes", "null", "日本", "-rf"])
def test_any_name_a_folder_can_show_is_fine(tmp_path: Path, name: str) -> None:
    made = setup.make(tmp_path / name, Basics())
    assert Book(tmp_path / name).settings.name == name
    assert git(tmp_path / name, "status", "--porcelain") == ""
    assert made.commit


def test_a_folder_whose_name_hides_something_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageProblem, match="cannot be seen"):
        setup.make(tmp_path / "a\nb", Basics())
    assert names(tmp_path) == []


# What is refused


def test_a_second_book_in_the_same_place_is_refused(tmp_path: Path) -> None:
    setup.make(tmp_path / "acme", Basics())
    before = tree(tmp_path / "acme")
    with pytest.raises(errors.Conflict, match="there is a book at"):
        setup.make(tmp_path / "acme", Basics(name="other"))
    assert tree(tmp_path / "acme") == before
    assert git(tmp_path / "acme", "rev-list", "--count", "HEAD") == "1\n"


def test_a_book_inside_a_book_is_refused(tmp_path: Path) -> None:
    setup.make(tmp_path / "acme", Basics())
    with pytest.raises(errors.Conflict, match="inside the book"):
        setup.make(tmp_path / "acme/sub/folder", Basics())
    assert not (tmp_path / "acme/sub").exists()


def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "team.git")
    before = names(tmp_path / "team.git")
    with pytest.raises(errors.NoBook, match="inside of a git repository"):
        setup.make(tmp_path / "team.git", Basics())
    assert names(tmp_path / "team.git") == before


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "acme").write_text("a file")
    with pytest.raises(errors.StorageFailed, match="cannot make this folder"):
        setup.make(tmp_path / "acme", Basics())
    assert (tmp_path / "acme").read_text() == "a file"


@pytest.mark.parametrize(
    ("basics", "words"),
    [
        (Basics(currency="XXQ"), "--currency: 'XXQ' is not a currency"),
        (Basics(timezone="Mars/Base"), "--timezone: 'Mars/Base' is not a time zone"),
        (Basics(country="Atlantis"), "--country: 'Atlantis' is not a country"),
        (Basics(language="xx"), "--language: 'xx' is not a language"),
        (Basics(name="a\nb"), "--name: there is a line break"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_is_made(tmp_path: Path, basics: Basics, words: str) -> None:
    with pytest.raises(errors.UsageProblem, match=re.escape(words)):
        setup.make(tmp_path / "acme", basics)
    assert names(tmp_path) == []


def test_a_city_alone_is_answered_with_its_time_zone(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageProblem) as caught:
        setup.make(tmp_path / "acme", Basics(timezone="new york"))
    assert caught.value.hint == "Did you mean America/New_York?"


def test_values_are_kept_in_their_normal_form(tmp_path: Path) -> None:
    full = setup.complete(Basics("  Ann's ", "usd", "UTC", "germany", "pt_br"), tmp_path)
    assert full == Basics("Ann's", "USD", "UTC", "DE", "pt-BR", "flat")


# What is left when it fails


def forget_who_i_am(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")


@pytest.mark.parametrize("sample", [False, True])
def test_without_an_identity_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample: bool
) -> None:
    forget_who_i_am(monkeypatch)
    with pytest.raises(errors.GitFailed, match="does not know who you are"):
        setup.make(tmp_path / "a" / "b", Basics(), sample=sample)
    assert names(tmp_path) == []


def test_without_an_identity_a_repository_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "mine.txt").write_text("mine")
    forget_who_i_am(monkeypatch)
    with pytest.raises(errors.GitFailed, match="does not know who you are"):
        setup.make(tmp_path / "sub", Basics())
    assert names(tmp_path) == [".git", "mine.txt"]


def test_a_disk_that_fills_up_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    prepare = files.prepare_file

    def full(root: Path, path: str, data: bytes, *, durable: bool, program: bool) -> str:
        if path.startswith("templates/"):
            raise errors.StorageFailed(f"{path}: cannot write: no space left on device")
        return prepare(root, path, data, durable=durable, program=program)

    monkeypatch.setattr("crmctl.store.placing.prepare_file", full)
    with pytest.raises(errors.StorageFailed, match="no space"):
        setup.make(tmp_path, Basics())
    assert names(tmp_path) == ["mine.txt"]
    assert (tmp_path / "mine.txt").read_text() == "mine"


# Hooks


def test_a_new_book_checks_what_is_committed(tmp_path: Path) -> None:
    made = setup.make(tmp_path / "acme", Basics())
    assert made.notes == ()
    hook = tmp_path / "acme/.git/hooks/pre-commit"
    assert hook.stat().st_mode & 0o111
    assert "crmctl" in hook.read_text()


def test_a_hook_that_is_there_is_kept_beside_ours(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    hook = tmp_path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n")
    made = setup.make(tmp_path, Basics())
    assert made.notes == ()
    assert "crmctl" in hook.read_text()
    assert hook.with_name("pre-commit.before-crmctl").read_text() == "#!/bin/sh\n"
    assert git(tmp_path, "log", "--format=%s") == "init: a new book\n"


def test_a_book_is_made_also_where_hooks_cannot_be(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / ".git/hooks/pre-commit").mkdir(parents=True)
    made = setup.make(tmp_path, Basics())
    assert len(made.notes) == 1
    assert "the pre-commit hook is not in place" in made.notes[0]
    assert 'crmctl hook pre-commit "$@"' in made.notes[0]


# What the files say


def test_every_example_in_the_settings_file_can_be_used(tmp_path: Path) -> None:
    basics = setup.complete(Basics(timezone="Europe/Berlin"), tmp_path / "acme")
    text = starter.new_files(basics)["crm.yaml"].decode()
    uncommented = re.sub(r"^#(?=\S|  )(?!  {4}crmctl)", "", text, flags=re.MULTILINE)
    raw = read_yaml(uncommented.encode(), "crm.yaml").data
    settings = read_settings(raw)
    assert settings.problems == ()
    assert set(raw) >= {
        "country",
        "email",
        "lifecycles",
        "pipelines",
        "purposes",
        "response_targets",
        "fields",
        "kinds",
    }
    assert settings.pipelines == DEFAULT_PIPELINES
    assert settings.schema.kind("vendor") is not None


def test_git_keeps_line_ends_of_records_as_they_are(tmp_path: Path) -> None:
    setup.make(tmp_path / "acme", Basics())
    said = git(tmp_path / "acme", "check-attr", "text", "eol", "--", "records/customers/ada.yaml", "crm.yaml", "a.txt")
    assert [line.rpartition(": ")[2] for line in said.splitlines()] == ["set", "lf", "set", "lf", *["unspecified"] * 2]


def test_the_time_zone_is_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ")
    assert setup.system_timezone(tmp_path) == "UTC"
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Asia/Tokyo")
    assert setup.system_timezone(tmp_path) == "Asia/Tokyo"
    (tmp_path / "timezone").write_text("Europe/Berlin\n")
    assert setup.system_timezone(tmp_path) == "Europe/Berlin"
    (tmp_path / "timezone").write_bytes(b"\xff")
    assert setup.system_timezone(tmp_path) == "Asia/Tokyo"
    monkeypatch.setenv("TZ", ":America/Lima")
    assert setup.system_timezone(tmp_path) == "America/Lima"
    monkeypatch.setenv("TZ", "Etc/UTC")
    assert setup.system_timezone(tmp_path) == "UTC"


# What is shipped


def test_an_installed_package_finds_what_it_carries(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "crmctl"
    (package / "shipped" / "records").mkdir(parents=True)
    (tmp_path / "site-packages" / "records").mkdir()
    assert shipped.folder("records", package) == package / "shipped" / "records"


def test_an_installation_that_lost_its_files_says_so(tmp_path: Path) -> None:
    with pytest.raises(errors.StorageFailed, match="templates that come with crmctl are not there"):
        shipped.folder("templates", tmp_path / "crmctl")


def test_only_records_are_shipped(tmp_path: Path) -> None:
    paths = [path for path, _ in shipped.files("records")]
    assert {path.rpartition(".")[2] for path in paths} == {"yaml", "jsonl"}
    assert paths == sorted(paths)


# What a killed one left


def test_half_a_repository_of_a_killed_init_is_none(tmp_path: Path) -> None:
    (tmp_path / ".init.crmctl/.git").mkdir(parents=True)
    (tmp_path / ".init.crmctl/.git/HEAD.lock").write_text("")
    (tmp_path / ".init-undone.crmctl").mkdir()
    made = setup.make(tmp_path, Basics())
    assert made.commit
    assert not list(tmp_path.glob(".init*"))


def test_a_killed_init_is_finished_when_it_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    place = placing.place

    def killed(root: Path, note: object, prepared: dict[str, str], *rest: object) -> None:
        first = {path: prepared[path] for path in ("crm.yaml", ".gitignore")}
        place(root, note, first, *rest)  # type: ignore[arg-type]
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(placing, "place", killed)
        patch.setattr(setup, "_take_away", lambda *_: None)
        with pytest.raises(Killed):
            setup.make(tmp_path, Basics())
    left = tmp_path / ".git/hooks/.pre-commit.4711.crmctl"
    left.parent.mkdir(exist_ok=True)
    left.write_text("half")
    with pytest.raises(errors.Conflict, match="already"):
        setup.make(tmp_path, Basics())
    assert git(tmp_path, "status", "--porcelain") == ""
    assert (tmp_path / "templates/newsletter.md").is_file()
    assert not left.exists()


def test_a_failure_after_the_commit_takes_all_of_it_back_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = files.put_in_place

    def full(root: Path, path: str, prepared: str, *, durable: bool = True) -> None:
        if path == "templates/newsletter.md":
            raise errors.StorageFailed(f"{path}: cannot write: input/output error")
        put(root, path, prepared, durable=durable)

    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.setattr(placing, "put_in_place", full)
    with pytest.raises(errors.StorageFailed, match=r"^templates/newsletter\.md: cannot write"):
        setup.make(tmp_path, Basics())
    assert names(tmp_path) == ["mine.txt"]


def test_a_repository_that_somebody_else_made_meanwhile_is_not_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = vcs_create.create

    def slow(folder: Path) -> bool:
        monkeypatch.setattr(vcs_create, "create", create)
        setup.make(folder, Basics())
        return create(folder)

    monkeypatch.setattr(vcs_create, "create", slow)
    with pytest.raises(errors.Conflict, match="already"):
        setup.make(tmp_path, Basics())
    assert git(tmp_path, "status", "--porcelain") == ""
    assert git(tmp_path, "log", "--format=%s") == "init: a new book\n"
