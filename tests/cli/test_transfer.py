from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.books import git

if TYPE_CHECKING:
    from conftest import Run

_DATA = os.environ.get("CRMCTL_TEST_DATA", "")
"""Where the CDNOW files are; asked here because a test sees no such variable."""

PROJECT = Path(__file__).resolve().parents[2]

CUSTOMERS = "customer_id,name,first_order\n00001,Customer 00001,1997-01-01\n00002,Customer 00002,1997-01-12\n"
ORDERS = (
    "order_id,customer_id,date,cds,dollars\n"
    "1,00001,1997-01-01,1,11.77\n2,00002,1997-01-12,1,12.00\n3,00002,1997-01-12,5,77.00\n"
)
TAKE_CUSTOMERS = "--kind customer --map name=name --map external.cdnow=customer_id --handle cdnow-{customer_id}".split()
TAKE_CUSTOMERS += "--key external.cdnow --yes".split()
TAKE_ORDERS = "--kind interaction --map customer=customer_id --lookup external.cdnow --map at=date".split()
TAKE_ORDERS += "--map amount=dollars --map external.order=order_id --set type=purchase --set currency=USD".split()
TAKE_ORDERS += "--key external.order --yes".split()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user stands: a folder beside the book."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def shop(tmp_path: Path, here: Path) -> Path:
    """A new book for the CDNOW files, two of each of which are here."""
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "crm.yaml").write_text(
        "name: CDNOW\ncurrency: USD\ntimezone: America/New_York\nlayout: sharded\n", encoding="utf-8"
    )
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "init")
    (here / "customers.csv").write_text(CUSTOMERS, encoding="utf-8")
    (here / "orders.csv").write_text(ORDERS, encoding="utf-8")
    return folder


def commits(book: Path) -> int:
    return int(git(book, "rev-list", "--count", "HEAD"))


def test_customers_and_their_orders_come_in_and_are_counted(shop: Path, run: Run) -> None:
    result = run("-C", shop, "import", "csv", "customers.csv", *TAKE_CUSTOMERS)
    assert (result.code, result.out) == (0, "")
    assert "Not mapped: first_order" in result.err
    assert "New 2, changed 0, same 0, rejected 0." in result.err
    assert "import: 2 customers from customers.csv (2 new)" in result.err
    text = (shop / "records/customers/01/cdnow-00001.yaml").read_text()
    assert text.endswith('name: Customer 00001\nexternal:\n  cdnow: "00001"\n')
    result = run("-C", shop, "import", "csv", "orders.csv", *TAKE_ORDERS)
    assert result.code == 0
    rows = run(
        "-C", shop, "customer", "list", "--sort", "-spent", "--fields", "handle,name,orders,spent,last", "-o", "json"
    )
    best = json.loads(rows.out)[0]
    assert (best["handle"], best["orders"], best["spent"], best["last"]) == ("cdnow-00002", 2, "89.00", "1997-01-12")
    lines = (shop / "records/interactions/02/cdnow-00002.jsonl").read_text().splitlines()
    assert [json.loads(line)["external"]["order"] for line in lines] == ["2", "3"]
    assert json.loads(lines[0])["at"] == "1997-01-12T00:00:00-05:00"
    assert git(shop, "status", "--porcelain") == ""


def test_the_commit_says_what_came_from_where(shop: Path, run: Run) -> None:
    run("-C", shop, "import", "csv", "customers.csv", *TAKE_CUSTOMERS)
    message = git(shop, "log", "-1", "--format=%B")
    assert message.startswith("import: 2 customers from customers.csv (2 new)\n\nnew: 2\nchanged: 0\n")
    assert "sha256: " in message
    assert commits(shop) == 2


def test_the_same_files_again_change_nothing(shop: Path, run: Run) -> None:
    run("-C", shop, "import", "csv", "customers.csv", *TAKE_CUSTOMERS)
    run("-C", shop, "import", "csv", "orders.csv", *TAKE_ORDERS)
    before = commits(shop)
    for name, words, count in (("customers.csv", TAKE_CUSTOMERS, 2), ("orders.csv", TAKE_ORDERS, 3)):
        result = run("-C", shop, "import", "csv", name, *words)
        assert result.code == 0
        assert f"New 0, changed 0, same {count}, rejected 0." in result.err
        assert "Nothing to change" in result.err
    assert commits(shop) == before


def test_what_changed_in_the_file_changes_in_the_book_and_comments_stay(shop: Path, here: Path, run: Run) -> None:
    run("-C", shop, "import", "csv", "customers.csv", *TAKE_CUSTOMERS)
    path = shop / "records/customers/01/cdnow-00001.yaml"
    path.write_text(path.read_text().replace("name:", "# asked twice\nname:") + "notes: keep me\n")
    git(shop, "commit", "-qam", "by hand")
    (here / "customers.csv").write_text(
        CUSTOMERS.replace("Customer 00001", "Ada Lovelace").replace("Customer 00002", "")
    )
    result = run("-C", shop, "import", "csv", "customers.csv", *TAKE_CUSTOMERS)
    assert "New 0, changed 1, same 1, rejected 0." in result.err
    text = path.read_text()
    assert "# asked twice\nname: Ada Lovelace\n" in text
    assert "notes: keep me\n" in text
    assert "name: Customer 00002" in (shop / "records/customers/02/cdnow-00002.yaml").read_text()


def test_changed_and_new_interactions_find_their_place(shop: Path, here: Path, run: Run) -> None:
    run("-C", shop, "import", "csv", "customers.csv", *TAKE_CUSTOMERS)
    run("-C", shop, "import", "csv", "orders.csv", *TAKE_ORDERS)
    path = shop / "records/interactions/02/cdnow-00002.jsonl"
    first, second = path.read_text().splitlines()
    (here / "orders.csv").write_text(ORDERS.replace("77.00", "78.00") + "4,00002,1996-12-31,1,5.00\n")
    result = run("-C", shop, "import", "csv", "orders.csv", *TAKE_ORDERS)
    assert "New 1, changed 1, same 2, rejected 0." in result.err
    lines = path.read_text().splitlines()
    assert [json.loads(line)["external"]["order"] for line in lines] == ["4", "2", "3"]
    assert lines[1] == first
    assert json.loads(lines[2]) == {**json.loads(second), "amount": "78.00"}


def test_a_dry_run_writes_nothing(shop: Path, here: Path, run: Run) -> None:
    (here / "customers.csv").write_text(CUSTOMERS + "00001,Twice,\n")
    words = [word for word in TAKE_CUSTOMERS if word != "--yes"]
    result = run("-C", shop, "import", "csv", "customers.csv", *words, "--dry-run")
    assert result.code == 1
    assert "Would be new 2, changed 0, same 0, rejected 1." in result.err
    assert "cdnow-00001" in result.err
    assert commits(shop) == 1
    assert not (shop / "records").exists()
    assert {path.name for path in here.iterdir()} == {"orders.csv", "customers.csv"}


def test_without_a_person_or_yes_nothing_is_written(shop: Path, run: Run) -> None:
    words = [word for word in TAKE_CUSTOMERS if word != "--yes"]
    result = run("-C", shop, "import", "csv", "customers.csv", *words)
    assert result.code == 2
    assert "--yes" in result.err
    assert commits(shop) == 1


def test_rejected_rows_are_put_aside_and_can_be_mended(shop: Path, here: Path, run: Run) -> None:
    run("-C", shop, "import", "csv", "customers.csv", *TAKE_CUSTOMERS)
    bad = "4,00001,11/12/1997,1,5.00\n5,00009,1997-02-01,1,6.00\n6,00001,1997-02-01,1,=1+1\n3,00001,1997-03-01,1,1.00\n"
    (here / "orders.csv").write_text(ORDERS + bad)
    result = run("-C", shop, "import", "csv", "orders.csv", *TAKE_ORDERS)
    assert result.code == 1
    assert "New 3, changed 0, same 0, rejected 4." in result.err
    assert "orders.csv:5: at: 11/12/1997 can be read in two ways" in result.err
    assert "1997-11-12 for 12 November or 1997-12-11 for 11 December" in result.err
    assert "orders.csv:6: customer: there is no customer with external.cdnow '00009'" in result.err
    assert "external.order '3' is in line 4 already" in result.err
    assert "--dates dmy" in result.err
    rejects = here / "orders.rejects.csv"
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    rows = rejects.read_text().splitlines()
    assert rows[0] == "line,reason,order_id,customer_id,date,cds,dollars"
    assert rows[1].endswith(",4,00001,11/12/1997,1,5.00")
    assert rows[3].endswith(",'=1+1")
    mended = "\n".join([rows[0], rows[1].replace("11/12/1997", "1997-12-11"), rows[3].replace("'=1+1", "2.00")])
    rejects.write_text(mended + "\n")
    result = run("-C", shop, "import", "csv", "orders.rejects.csv", *TAKE_ORDERS)
    assert (result.code, "New 2, changed 0, same 0, rejected 0." in result.err) == (0, True)


def test_rows_that_are_all_rejected_are_bad_data(shop: Path, here: Path, run: Run) -> None:
    result = run("-C", shop, "import", "csv", "orders.csv", *TAKE_ORDERS)
    assert result.code == 4
    assert commits(shop) == 1
    assert (here / "orders.rejects.csv").exists()


def test_the_order_of_dates_can_be_said(shop: Path, here: Path, run: Run) -> None:
    run("-C", shop, "import", "csv", "customers.csv", *TAKE_CUSTOMERS)
    (here / "orders.csv").write_text("order_id,customer_id,date,dollars\n4,00001,11/12/1997,5.00\n")
    assert run("-C", shop, "import", "csv", "orders.csv", *TAKE_ORDERS, "--dates", "mdy").code == 0
    line = json.loads((shop / "records/interactions/01/cdnow-00001.jsonl").read_text())
    assert line["at"] == "1997-11-12T00:00:00-05:00"


def test_rejects_that_somebody_is_mending_are_kept(shop: Path, here: Path, run: Run) -> None:
    run("-C", shop, "import", "csv", "orders.csv", *TAKE_ORDERS)
    rejects, kept = here / "orders.rejects.csv", here / "orders.rejects.csv~"
    first = rejects.read_text()
    run("-C", shop, "import", "csv", "orders.csv", *TAKE_ORDERS)
    assert not kept.exists()  # The same again.
    rejects.write_text(f"{first}mended\n")
    for _ in range(2):
        done = run("-C", shop, "import", "csv", "orders.csv", *TAKE_ORDERS)
        assert rejects.read_text() == first
        assert kept.read_text() == f"{first}mended\n"
    assert "of another time" not in done.err


def test_rejects_never_land_in_the_book(shop: Path, here: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    result = run("import", "csv", here / "orders.csv", *TAKE_ORDERS)
    assert result.code == 4
    assert (here / "orders.rejects.csv").exists()
    assert git(shop, "status", "--porcelain") == ""
    result = run("import", "csv", here / "orders.csv", *TAKE_ORDERS, "--rejects", "x.csv")
    assert result.code == 2
    assert "inside the book" in result.err


def test_rejects_replace_no_other_file(shop: Path, here: Path, run: Run) -> None:
    (here / "orders.rejects.csv").write_text("my,own\nwork,here\n")
    result = run("-C", shop, "import", "csv", "orders.csv", *TAKE_ORDERS)
    assert (result.code, "something else" in result.err) == (2, True)
    assert (here / "orders.rejects.csv").read_text() == "my,own\nwork,here\n"
    result = run("-C", shop, "import", "csv", "orders.csv", *TAKE_ORDERS, "--rejects", here / "r.csv")
    assert (result.code, (here / "r.csv").exists()) == (4, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--kind", "custmer"], "Did you mean customer?"),
        (["--kind", "spaceship"], "The kinds are customer, interaction"),
        (["--kind", "customer", "--map", "nmae=name"], "Did you mean name?"),
        (["--kind", "customer", "--map", "name=nam"], "Did you mean 'name'?"),
        (["--kind", "customer", "--map", "external.x=customer_id"], "a customer needs name"),
        (["--kind", "interaction", "--map", "at=first_order", "--set", "type=call"], "needs customer"),
        (["--kind", "customer", "--key", "emails"], "no column is mapped to the key emails"),
        (["--kind", "customer", "--key", "notes", "--map", "notes=name"], "cannot tell records apart"),
        (["--kind", "customer", "--set", "name=X"], "mapped to a column and set as well"),
        (["--kind", "customer", "--set", "handle=x"], "cannot be the same for every record"),
        (["--kind", "customer", "--set", "birthday=99/99/9999"], "99/99/9999"),
        (["--kind", "customer", "--set", "website=nope"], "web address"),
        (["--kind", "customer", "--set", "owner=nobody"], "there is no member 'nobody'"),
        (["--kind", "customer", "--lookup", "handle"], "No column is mapped to a field that names another record"),
        ("--kind customer --map name=name --map owner=name --lookup x=name".split(), "--lookup owner=FIELD"),
    ],
)
def test_a_request_that_does_not_fit_is_told_before_anything_is_read(
    shop: Path, run: Run, words: list[str], message: str
) -> None:
    result = run("-C", shop, "import", "csv", "customers.csv", *words, "--yes")
    assert result.code in (2, 3, 4)
    assert message in result.err
    assert commits(shop) == 1


def test_an_empty_file_is_told_by_name(shop: Path, here: Path, run: Run) -> None:
    (here / "empty.csv").write_bytes(b"")
    result = run("-C", shop, "import", "csv", "empty.csv", "--kind", "customer")
    assert result.code == 4
    assert "crmctl: empty.csv is empty" in result.err


def test_a_file_without_its_form_is_told_the_whole_command(here: Path, run: Run) -> None:
    (here / "people").write_text("name\n")
    for file in ("my people.csv", "people"):
        told = run("import", file, "--key", "emails", "--dry-run")
        assert told.code == 2
        quoted = f"'{file}'" if " " in file else file
        assert f"hint: crmctl import csv {quoted} --kind customer --key emails --dry-run\n" in told.err
    told = run("import", "people", "--kind", "deal")
    assert "hint: crmctl import csv people --kind deal\n" in told.err
    assert "Did you mean 'csv'?" in run("import", "csw", "people.csv").err


def test_a_header_alone_imports_nothing(shop: Path, here: Path, run: Run) -> None:
    (here / "head.csv").write_text("name\n")
    result = run("-C", shop, "import", "csv", "head.csv", "--kind", "customer")
    assert (result.code, commits(shop)) == (0, 1)
    assert "Nothing to change" in result.err


def test_a_file_in_another_encoding_is_read_and_told(shop: Path, here: Path, run: Run) -> None:
    (here / "west.csv").write_bytes("Name;E-Mail\nJosé Müller;jose@example.com\n".encode("cp1252"))
    result = run("-C", shop, "import", "csv", "west.csv", "--kind", "customer", "--yes")
    assert result.code == 0
    assert "read as Windows-1252" in result.err
    assert "Without --key every row is a new record" in result.err
    text = (shop / "records/customers/er/jose-muller.yaml").read_text()
    assert "name: José Müller\nemails:\n  - jose@example.com\n" in text


def test_formulas_go_out_inert_and_come_back_equal(shop: Path, here: Path, run: Run) -> None:
    names = ["=SUM(A1)", "+1", "-x", "@cmd", "'quoted", "plain"]
    for name in names:
        run("-C", shop, "customer", "add", "--set", "source=" + name, "--", name)
    exported = run("-C", shop, "export", "customer")
    assert "'=SUM(A1)" in exported.out
    assert "''quoted" in exported.out
    (here / "again.csv").write_text(exported.out, newline="")
    result = run("-C", shop, "import", "csv", "again.csv", "--kind", "customer", "--yes")
    assert "New 0, changed 0, same 6, rejected 0." in result.err


def program(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "crmctl", *map(str, arguments)]


def own_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PROJECT)}


def test_a_closed_pipe_is_no_error_of_ours(sample_dir: Path) -> None:
    with subprocess.Popen(
        program("-C", sample_dir, "export", "interaction", "-o", "jsonl"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=own_path(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["customer"]
        process.stdout.close()
        words = process.stderr.read()
    assert process.returncode == 141
    assert b"crmctl:" not in words
    assert b"Traceback" not in words


def test_ctrl_c_while_reading_leaves_nothing(shop: Path) -> None:
    with subprocess.Popen(
        program("-C", shop, "import", "csv", "-", *TAKE_CUSTOMERS),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=own_path(),
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(CUSTOMERS.encode() * 40_000)  # More than a pipe holds: it is being read when this returns.
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        words = process.stderr.read().decode()
    assert process.returncode == 130
    assert "interrupted" in words
    assert "Traceback" not in words
    assert commits(shop) == 1
    assert git(shop, "status", "--porcelain") == ""


def test_ctrl_c_before_the_commit_leaves_nothing(shop: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmctl.vcs.repository import Repository

    def interrupted(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Repository, "build", interrupted)
        assert run("-C", shop, "import", "csv", "customers.csv", *TAKE_CUSTOMERS).code == 130
    assert commits(shop) == 1
    assert git(shop, "status", "--porcelain") == ""


def test_standard_input_is_a_file_too(shop: Path) -> None:
    command = program("-C", shop, "import", "csv", "-", *TAKE_CUSTOMERS)
    done = subprocess.run(command, input=CUSTOMERS, capture_output=True, text=True, check=False, env=own_path())
    assert done.returncode == 0
    assert "import: 2 customers from standard input (2 new)" in done.stderr


KINDS = "member product article sequence vendor customer segment campaign deal case followup interaction".split()


def test_the_whole_sample_goes_out_and_comes_back(sample_dir: Path, here: Path, run: Run) -> None:
    def kinds() -> list[str]:
        return [kind for kind in KINDS if kind != "vendor" or "vendor:" in (sample_dir / "crm.yaml").read_text()]

    at = ("-C", sample_dir, "--now", "2012-01-16")
    for kind in kinds():
        exported = run(*at, "export", kind)
        assert exported.code == 0
        (here / f"{kind}.csv").write_text(exported.out, encoding="utf-8", newline="")
        result = run(*at, "import", "csv", f"{kind}.csv", "--kind", kind)
        assert (result.code, "New 0, changed 0," in result.err, "rejected 0" in result.err) == (0, True, True), (
            result.err
        )
    shutil.copytree(sample_dir / "records", here / "records")
    git(sample_dir, "rm", "-rq", "records")
    git(sample_dir, "commit", "-qm", "empty")
    for kind in kinds():
        result = run(*at, "import", "csv", f"{kind}.csv", "--kind", kind, "--yes")
        assert (result.code, "rejected 0" in result.err) == (0, True), result.err
        folders = [path for path in (here / "records").iterdir() if path.name.startswith(kind)]
        for path in (file for folder in folders for file in folder.rglob("*") if file.is_file()):
            assert (sample_dir / "records" / path.relative_to(here / "records")).read_bytes() == path.read_bytes()


def test_export_of_some_and_of_some_fields(sample_dir: Path, run: Run) -> None:
    at = ("-C", sample_dir, "--now", "2012-01-16")
    some = run(*at, "export", "customer", "tag:business", "-o", "jsonl")
    handles = [json.loads(line)["handle"] for line in some.out.splitlines()]
    listed = run(*at, "customer", "list", "tag:business", "-o", "ids").out.split()
    assert handles == sorted(listed)
    fields = run(*at, "export", "customer", "--fields", "handle,spent", "-o", "csv")
    assert fields.out.splitlines()[0] == "handle,spent"
    array = json.loads(run(*at, "export", "interaction", "-o", "json").out)
    assert len(array) == len(run(*at, "export", "interaction", "-o", "jsonl").out.splitlines())
    assert run(*at, "export", "customer", "name:nobody-at-all", "-o", "json").out == "[]\n"
    assert run(*at, "export", "customer", "name:nobody-at-all").out.startswith("handle,id,name,")


def test_export_of_an_unknown_kind_is_refused(sample_dir: Path, run: Run) -> None:
    result = run("-C", sample_dir, "export", "custmer")
    assert (result.code, "Did you mean customer?" in result.err) == (2, True)


def test_fields_that_the_book_does_not_declare_are_named(sample_dir: Path, run: Run) -> None:
    path = sample_dir / "records/customers/aaron-mitchell.yaml"
    path.write_text(path.read_text() + "shoe_size: 43\n")
    result = run("-C", sample_dir, "export", "customer")
    assert "shoe_size" not in result.out
    assert "Left out, because the book declares no such fields: shoe_size" in result.err
    raw = run("-C", sample_dir, "export", "customer", "handle=aaron-mitchell", "-o", "jsonl")
    assert json.loads(raw.out)["shoe_size"] == "43"


def test_help_names_the_kinds_and_options(run: Run) -> None:
    assert "warehouse" in run("export", "--help").out
    assert "--dry-run" in run("import", "csv", "--help").out
    assert "--fields" in run("export", "customer", "--help").out


def test_a_warehouse_is_written(sample_dir: Path, here: Path, run: Run) -> None:
    pytest.importorskip("duckdb")
    result = run("-C", sample_dir, "export", "warehouse", here / "w")
    assert result.code == 0
    assert (here / "w" / "customers.parquet").exists()


@pytest.mark.slow
@pytest.mark.skipif(
    "CRMCTL_TEST_DATA" not in os.environ, reason="CRMCTL_TEST_DATA names no folder with the CDNOW files"
)
def test_the_cdnow_files(shop: Path, run: Run) -> None:
    run("-C", shop, "import", "csv", Path(_DATA) / "cdnow_customers.csv", *TAKE_CUSTOMERS)
    run("-C", shop, "import", "csv", Path(_DATA) / "cdnow_orders.csv", *TAKE_ORDERS)
    rows = json.loads(run("-C", shop, "customer", "list", "--fields", "orders,spent", "-o", "json").out)
    assert len(rows) == 23_570
    assert sum(row["orders"] for row in rows) == 69_659
    assert sum(round(float(row["spent"]) * 100) for row in rows) == 250_031_563
    again = run("-C", shop, "import", "csv", Path(_DATA) / "cdnow_orders.csv", *TAKE_ORDERS)
    assert "New 0, changed 0, same 69659, rejected 0." in again.err


def test_progress_is_shown_on_a_terminal_only(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmctl.cli.app import App
    from crmctl.cli.transfer.imports import _Bars

    assert list(_Bars(App())("Reading", range(1_000), 1_000)) == list(range(1_000))
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bars = _Bars(App())
    assert list(bars("Reading", range(3), 3)) == [0, 1, 2]
    assert capfd.readouterr().err == ""
    assert list(bars("Reading", range(1_000), 1_000)) == list(range(1_000))
    assert "Reading" in capfd.readouterr().err
