"""``./run`` on machines that lack things: nothing is on the path but what a test puts there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = "sh cat cksum cp dirname git head ls mkdir mktemp rm tail touch chmod sed".split()

# Answers as python3, inside and outside of an environment, and writes down what pip was asked.
PYTHON = """\
#!/bin/sh
case "$*" in
*version_info*) [ ! -e "$WORLD/python-is-old" ] ;;
*ensurepip*) [ ! -e "$WORLD/venv-is-missing" ] ;;
--version) echo 'Python 3.99' ;;
'-m venv'*)
    for folder in "$@"; do :; done
    echo "venv" >>"$WORLD/log"
    mkdir -p "$folder/bin"
    cp "$0" "$folder/bin/python"
    cp "$WORLD/crmctl" "$folder/bin/crmctl"
    ;;
'-m pip'*)
    echo "$*" >>"$WORLD/log"
    case "$*" in *--no-index*) ;; *) [ ! -e "$WORLD/network-is-down" ] ;; esac
    ;;
'-m pytest'*) echo "$*" >>"$WORLD/log" ;;
esac
"""
APT = """\
#!/bin/sh
echo "apt-get $*" >>"$WORLD/log"
case "$*" in install*) rm -f "$WORLD/venv-is-missing" "$WORLD/python-is-old" ;; esac
"""


class World:
    """A checkout, a path with a few tools, and switches for what is wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = folder / "check out"
        (self.checkout / "docs").mkdir(parents=True)
        for name in ("run", "setup.cfg", "pyproject.toml", "setup.py", "docs/demo.sh"):
            shutil.copy(PROJECT / name, self.checkout / name)
        for name in ("bin", "home"):
            (folder / name).mkdir()
        for name in TOOLS:
            found = shutil.which(name)
            assert found, name
            (folder / "bin" / name).symlink_to(found)
        self.put("bin/python3", PYTHON)
        self.put("bin/apt-get", APT)
        self.put("bin/id", "#!/bin/sh\necho 1000\n")
        self.put("crmctl", f'#!/bin/sh\nPYTHONPATH="{PROJECT}" exec "{sys.executable}" -m crmctl "$@"\n')

    def put(self, path: str, script: str) -> None:
        (self.folder / path).write_text(script)
        (self.folder / path).chmod(0o755)

    def switch(self, name: str) -> None:
        (self.folder / name).touch()

    def be_root(self) -> None:
        self.put("bin/id", "#!/bin/sh\necho 0\n")

    @property
    def log(self) -> list[str]:
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {
            "PATH": str(self.folder / "bin"),
            "HOME": str(self.folder / "home"),
            "WORLD": str(self.folder),
            "TMPDIR": str(self.folder / "home"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "user.useConfigOnly",
            "GIT_CONFIG_VALUE_0": "true",
        }
        command = [str(self.checkout / "run"), *arguments]
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_help_names_every_word(world: World) -> None:
    done = world.run()
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("demo", "crmctl", "test", "bench", "soak", "help"):
        assert f"./run {word} " in done.stdout
    assert world.run("help").stdout == done.stdout
    assert world.log == []


def test_an_unknown_word_is_a_usage_error(world: World) -> None:
    done = world.run("tset")
    assert (done.returncode, done.stdout) == (2, "")
    assert "./run test" in done.stderr


def test_the_first_run_installs_and_the_second_needs_no_network(world: World) -> None:
    first = world.run("crmctl", "--version")
    assert (first.returncode, first.stdout.split()[0]) == (0, "crmctl")
    assert len(world.log) == 2
    world.switch("network-is-down")
    world.switch("venv-is-missing")
    second = world.run("crmctl", "--version")
    assert (second.returncode, second.stderr) == (0, "")
    assert len(world.log) == 2


def test_crmctl_runs_where_the_user_stands(world: World) -> None:
    done = world.run("crmctl", "-C", "nowhere", "customer", "list")
    assert done.returncode == 6
    assert f"there is no book at {world.folder / 'nowhere'}" in done.stderr


def test_changed_settings_are_installed_into_the_same_environment(world: World) -> None:
    world.run("crmctl", "--version")
    with (world.checkout / "setup.cfg").open("a") as file:
        file.write("# changed\n")
    assert world.run("crmctl", "--version").returncode == 0
    assert [line.split()[0] for line in world.log] == ["venv", "-m", "-m"]


def test_a_checkout_that_was_moved_makes_its_environment_again(world: World) -> None:
    world.run("crmctl", "--version")
    world.checkout = world.checkout.rename(world.folder / "elsewhere")
    assert world.run("crmctl", "--version").returncode == 0
    assert world.log.count("venv") == 2


def test_the_tools_for_tests_serve_everything_else_too(world: World) -> None:
    assert world.run("test", "tests/unit", "-x").returncode == 0
    assert world.run("crmctl", "--version").returncode == 0
    assert [line for line in world.log if "pip" in line] == [line for line in world.log if line.endswith("[test]")]
    assert world.log[-1] == "-m pytest tests/unit -x"


def test_without_a_network_what_is_there_may_do(world: World) -> None:
    world.switch("network-is-down")
    assert world.run("crmctl", "--version").returncode == 0
    assert "--no-index" in world.log[-1]


def test_a_failed_install_is_tried_again(world: World) -> None:
    world.put("bin/python3", PYTHON.replace("*--no-index*) ;;", "*--no-index*) false ;;"))
    world.switch("network-is-down")
    done = world.run("crmctl", "--version")
    assert done.returncode == 1
    assert "run: pip could not install" in done.stderr
    (world.folder / "network-is-down").unlink()
    assert world.run("crmctl", "--version").returncode == 0


def test_a_missing_venv_is_named_with_the_line_that_installs_it(world: World) -> None:
    world.switch("venv-is-missing")
    done = world.run("demo")
    assert done.returncode == 1
    assert "run: this needs python3-venv." in done.stderr
    assert "apt-get update && apt-get install -y python3-venv\n" in done.stderr
    assert world.log == []
    assert not (world.checkout / ".venv").exists()


def test_root_has_the_missing_venv_installed(world: World) -> None:
    world.switch("venv-is-missing")
    world.be_root()
    done = world.run("crmctl", "--version")
    assert done.returncode == 0, done.stderr
    assert world.log[:3] == ["apt-get update", "apt-get install -y python3-venv", "venv"]


def test_an_old_python_and_a_missing_git_are_asked_for_together(world: World) -> None:
    world.switch("python-is-old")
    (world.folder / "bin/git").unlink()
    done = world.run("demo")
    assert done.returncode == 1
    assert "apt-get install -y git python3 python3-venv\n" in done.stderr


def test_the_demo_shows_every_command_and_leaves_a_book_to_play_with(world: World) -> None:
    done = world.run("demo")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    wanted = [line for line in (PROJECT / "docs/demo.sh").read_text().splitlines() if line[:1] not in ("", "#")]
    shown = [line[2:] for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert shown[-len(wanted) :] == wanted
    assert len(shown) - len(wanted) == 3  # git was told who is at work here
    path, folder = done.stdout.splitlines()[-2:]
    assert path == f'PATH="{world.checkout}/.venv/bin:$PATH"'
    assert Path(folder.removeprefix("cd ").strip('"'), "crm.yaml").is_file()
    for words in ("François Tremblay", "undo: crmctl undo", "left out  ", "To: Luis Rojas", "Losing touch"):
        assert words in done.stdout, words


def test_a_demo_command_that_fails_stops_it(world: World) -> None:
    (world.checkout / "docs/demo.sh").write_text("crmctl customer list\necho not reached\n")
    done = world.run("demo")
    assert done.returncode == 1
    assert "run: the demo stopped: that command failed (status 6)" in done.stderr
    assert "$ echo not reached" not in done.stdout
