"""Who may import whom, who owns which library, and how large things may grow.

An import for the type checker alone follows the same rules: a layer that knows the types of one above it depends on it.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "crmctl"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Each layer may import those named, and itself. The three front ends and the six edges never import each other.
BASE = {"errors", "clock"}
MODEL = BASE | {"model"}
PURE = MODEL | {"query", "merge", "analytics"}
EDGES = {"store", "vcs", "index", "reports", "mail", "render"}
SERVICES = PURE | EDGES | {"services"}
LAYERS = {
    "errors": {"errors"},
    "clock": {"clock"},
    "model": MODEL,
    "query": MODEL | {"query"},
    "merge": MODEL | {"merge"},
    "analytics": MODEL | {"analytics"},
    **{edge: PURE | {edge} for edge in EDGES},
    "services": SERVICES,
    "cli": SERVICES | {"cli"},
    "hooks": SERVICES | {"hooks"},
    "web": SERVICES | {"web"},
    "__main__": SERVICES | {"cli", "hooks"},
    "__init__": set(),
}
# Libraries that only some layers may touch.
OWNERS = {
    "click": {"cli"},
    "git": {"vcs"},
    "tinydb": {"store"},
    "ruamel": {"store"},
    "jinja2": {"render"},
    "tabulate": {"render"},
    "markdown_it": {"render"},
    "sqlite3": {"index", "reports"},
    "duckdb": {"reports"},
    "smtplib": {"mail"},
    "phonenumbers": {"model"},
    "email_validator": {"model", "mail"},
    "random": {"clock"},
    "secrets": {"clock"},
    "uuid": {"clock"},
}
# Calls that read time or chance; everything but the clock asks the clock.
READS_TIME = {
    *((module, name) for module in ("datetime", "date") for name in ("now", "utcnow", "today")),
    *(
        ("time", name)
        for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "localtime", "gmtime")
    ),
    ("os", "urandom"),
}
LONGEST_FUNCTION = 60
LONGEST_MODULE = 500


class Import(NamedTuple):
    """One import: in which file and line, of which module, and whether it is for the type checker alone."""

    path: Path
    line: int
    target: str
    for_types: bool

    @property
    def where(self) -> str:
        """The place, for a message."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def name_of(path: Path) -> str:
    """The dotted name of a module's file."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(path: Path) -> str:
    """The layer a file is in."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> list[Import]:
    """Every import of a file, wherever it stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: list[Import] = []

    def walk(node: ast.AST, *, for_types: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(path, node.lineno, alias.name, for_types) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                target = inner if (ROOT / (inner.replace(".", "/") + ".py")).exists() else str(node.module)
                if (ROOT / inner.replace(".", "/")).is_dir():
                    target = inner
                found.append(Import(path, node.lineno, target, for_types))
        guard = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for child in ast.iter_child_nodes(node):
            walk(child, for_types=for_types or guard)

    walk(tree, for_types=False)
    return found


EVERY = [found for path in MODULES for found in imports(path)]


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 50
    assert len(EVERY) > 500
    assert {layer_of(path) for path in MODULES} <= LAYERS.keys()


def test_layers_import_only_what_is_below_them() -> None:
    wrong = [
        f"{found.where}: {layer_of(found.path)} imports {found.target}"
        for found in EVERY
        if found.target.startswith("crmctl.") and found.target.split(".")[1] not in LAYERS[layer_of(found.path)]
    ]
    assert wrong == []


def test_libraries_are_imported_by_their_owners_only() -> None:
    wrong = [
        f"{found.where}: {found.target}"
        for found in EVERY
        if layer_of(found.path) not in OWNERS.get(found.target.split(".")[0], LAYERS.keys())
    ]
    assert wrong == []


def test_only_the_clock_reads_time_and_chance() -> None:
    wrong = []
    for path in MODULES:
        if layer_of(path) == "clock":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if (node.value.id, node.attr) in READS_TIME:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.value.id}.{node.attr}")
            elif isinstance(node, ast.ImportFrom) and node.module in ("time", "os"):
                names = [alias.name for alias in node.names if (node.module, alias.name) in READS_TIME]
                wrong += [f"{path.relative_to(ROOT)}:{node.lineno}: {name}" for name in names]
    assert wrong == []


def test_no_module_imports_itself_over_others_not_even_late() -> None:
    known = {name_of(path): path for path in MODULES}
    needs: dict[str, set[str]] = {name: set() for name in known}
    for found in EVERY:
        if not found.for_types and found.target in known:
            needs[name_of(found.path)].add(found.target)
    while True:
        free = {name for name, others in needs.items() if not others & needs.keys()}
        free |= {name for name in needs if not any(name in others for others in needs.values())}
        if not free:
            break
        for name in free:
            del needs[name]
    assert {name: others & needs.keys() for name, others in needs.items()} == {}


@pytest.mark.parametrize("word", ["utils", "util", "helpers", "misc", "common"])
def test_names_of_modules_say_what_they_do(word: str) -> None:
    assert [path for path in MODULES if path.stem == word or word in path.relative_to(ROOT).parts] == []


def test_modules_and_functions_can_be_taken_in_at_a_glance() -> None:
    wrong = []
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > LONGEST_MODULE:
            wrong.append(f"{path.relative_to(ROOT)} has {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or 0) - node.lineno + 1
                if size > LONGEST_FUNCTION:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {size} lines")
    assert wrong == []


def test_every_module_says_what_it_is_for() -> None:
    assert [path for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []


def test_nothing_is_printed_asked_or_ended_outside_of_the_command_line() -> None:
    wrong = []
    for path in MODULES:
        if layer_of(path) in ("cli", "hooks", "__main__"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "input", "sys.exit", "exit"):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node.func)}")
    assert wrong == []
