"""The rigs themselves: how servers get here, and that a server that is not here is never taken for one that is."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from helpers import rig_base as rig
from helpers.processes import PROJECT
from helpers.rig_sink import sink

APT = """\
#!/bin/sh
echo "apt-get $*" >>"$WORLD/log"
[ ! -e "$WORLD/network-is-down" ] || { echo 'E: no network'; exit 100; }
for word in "$@"; do
    case $word in Dir::Cache::archives=*) touch "${word#*=}/some.deb" ;; esac
done
"""
DPKG = """\
#!/bin/sh
echo "dpkg-deb $1" >>"$WORLD/log"
mkdir -p "$3/usr/sbin"
touch "$3/usr/sbin/exim4"
chmod 4755 "$3/usr/sbin/exim4"
"""


class Checkout:
    """``run`` with an environment that is ready, and an apt-get of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.top = folder / "check out"
        (self.top / ".venv" / "bin").mkdir(parents=True)
        (folder / "bin").mkdir()
        for name in ("run", "setup.cfg", "pyproject.toml", "setup.py"):
            shutil.copy(PROJECT / name, self.top / name)
        self.put(self.top / ".venv" / "bin" / "python", "#!/bin/sh\necho Python 3.99\n")
        self.put(folder / "bin" / "apt-get", APT)
        self.put(folder / "bin" / "dpkg-deb", DPKG)
        self.put(folder / "bin" / "id", "#!/bin/sh\necho 0\n")
        (self.top / ".venv" / "place").write_text(f"{self.top}\n")
        stamp = 'cd "$0" && cat setup.cfg pyproject.toml setup.py | cksum && echo Python 3.99'
        done = subprocess.run(["sh", "-c", stamp, str(self.top)], capture_output=True, check=True)
        (self.top / ".venv" / "ready[test]").write_bytes(done.stdout)

    @staticmethod
    def put(path: Path, script: str) -> None:
        path.write_text(script)
        path.chmod(0o755)

    def servers(self) -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "WORLD": str(self.folder)}
        command = [str(self.top / "run"), "servers"]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)

    def log(self) -> list[str]:
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []


def test_servers_are_fetched_once_and_nothing_is_installed(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    done = checkout.servers()
    assert done.returncode == 0, done.stderr
    log = checkout.log()
    assert log[0] == "apt-get update"
    assert log[-1] == "dpkg-deb -x"
    assert all("--download-only" in line for line in log if " install " in line)
    # Installed, one of these would throw the other out.
    assert not [line for line in log if "postfix" in line and "exim4" in line]
    program = checkout.top / ".venv" / "servers" / "usr" / "sbin" / "exim4"
    assert program.stat().st_mode & 0o7777 == 0o755
    assert checkout.servers().returncode == 0
    assert checkout.log() == log


def test_without_a_network_it_is_said_what_is_left_out_and_tried_again(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    (tmp_path / "network-is-down").touch()
    done = checkout.servers()
    assert done.returncode == 1
    assert "E: no network" in done.stderr
    assert "some tests are left out" in done.stderr
    assert not (checkout.top / ".venv" / "servers").exists()
    (tmp_path / "network-is-down").unlink()
    assert checkout.servers().returncode == 0


@pytest.fixture(params=[False, True], ids=["not promised", "promised"])
def outcome(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[BaseException]:
    """What has to become of a test whose server is missing: where servers were promised it fails."""
    monkeypatch.setattr(rig, "_PROMISED", request.param)
    return pytest.fail.Exception if request.param else pytest.skip.Exception


def test_a_program_that_is_not_here(outcome: type[BaseException]) -> None:
    with pytest.raises(outcome, match=r"no-such-server is not here: \./run servers"):
        rig.program("no-such-server")


def test_a_server_that_does_not_start_says_why(outcome: type[BaseException]) -> None:
    with rig.ground() as folder:
        for words, why in (
            (["sh", "-c", "echo the disk is on fire >&2; exit 3"], "sh does not start here: the disk is on fire"),
            ([str(folder / "nothing")], "cannot be started"),
        ):
            with pytest.raises(outcome, match=why), rig.running(words, folder, rig.free_port()):
                pytest.fail("it is running")


def test_a_server_is_gone_after_its_block_with_its_folder_and_its_children() -> None:
    with sink() as server:
        assert server.folder.stat().st_uid == rig.USER != 0
        status = Path(f"/proc/{server.process}/status").read_text()
        assert f"Uid:\t{rig.USER}\t{rig.USER}\t{rig.USER}\t{rig.USER}\n" in status
    assert not server.folder.exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0
    with pytest.raises(ProcessLookupError):
        os.killpg(server.process, 0)
