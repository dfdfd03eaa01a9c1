"""Settings and hooks of a repository's own by which git runs programs, found without running any.

They never come by cloning, but by getting a folder with its ``.git`` from someone: a zip, a shared disk, an unpacked
backup. Those of the user and of the machine are the user's own affair and are not looked at.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.vcs import hookfiles
from crmctl.vcs import origin
from crmctl.vcs import pins
from crmctl.vcs.calling import config
from crmctl.vcs.calling import failed
from crmctl.vcs.environment import config_texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.vcs.places import Places


class Setting(NamedTuple):
    """A setting: the file it stands in, its name (``filter.x.clean``), its value, and in words what it does.

    A hook is one too: its name is ``hooks/pre-commit``, and its value is where the program stands.
    """

    file: str
    name: str
    value: str
    does: str = ""


# Each may stand in any text; what stands only in values costs a closer look, and nothing else.
_WORDS = re.compile(
    r"\[(?:alias|browser|credential|diff|difftool|filter|gpg|guitool|hook|include|includeif|man|mergetool|pager|protocol"
    r"|sendemail|tar|trailer|url|merge)\b"
    r"|askpass|hookspath|fsmonitor|sshcommand|gitproxy|alternaterefscommand|recentobjectshook|difffilter|\beditor"
    r"|\bpager|uploadpack|receivepack|\bvcs\b|promisor|partialclone|\btunnel|::|!",
    re.IGNORECASE,
)

_ALWAYS = "git runs it as a command"
# Names that run their value, whatever it is.
_RUN = re.compile(
    r"core\.(?:askpass|sshcommand|pager|editor|gitproxy|alternaterefscommand)|sequence\.editor|diff\.external"
    r"|diff\..+\.(?:command|textconv)|filter\..+\.(?:clean|smudge|process)|merge\..+\.driver|hook\..+\.command"
    r"|gpg\.program|gpg\..+\.(?:program|defaultkeycommand)|gc\.recentobjectshook|interactive\.difffilter"
    r"|remote\..+\.(?:uploadpack|receivepack|vcs)|(?:difftool|mergetool|browser|man|guitool)\..+\.(?:cmd|path)"
    r"|trailer\..+\.(?:command|cmd)|tar\..+\.command|imap\.tunnel|sendemail\..*(?:cmd|server)"
    r"|pager\..+|web\.browser"
)
_BOOLEANS = frozenset({"", "0", "1", "true", "false", "yes", "no", "on", "off"})
_HELPER = re.compile(r"(?!https?::)[a-z][a-z0-9+.-]*::", re.IGNORECASE)
_OFF = {"filter": ("clean=", "smudge=", "process=", "required=false"), "hook": ("enabled=false",)}
_OURS = "merge.crmctl.driver"
_LARGEST = 1 << 20
_HOOKS = "hooks/"
_ELSEWHERE = "git runs the hooks in that folder"


def suspicious(places: Places, is_our_driver: Callable[[str], bool] | None = None) -> list[Setting]:
    """The settings of the repository that would run programs, but for our own merge driver.

    ``is_our_driver`` tells it by its command. Without, it is taken for ours by its name: reading never runs it.

    Raises:
        GitFailed: the settings cannot be read.
    """
    texts = config_texts(places)
    if is_our_driver is not None:
        texts = [_without_ours(text, is_our_driver) for text in texts]
    if not any(_WORDS.search(text) for text in texts):
        return []
    found = []
    for setting in _local(places):
        if setting.name == _OURS and (is_our_driver is None or is_our_driver(setting.value)):
            continue
        does = _judge(places, setting)
        if does:
            found.append(setting._replace(does=does))
    return found


def hooks(places: Places, is_our_hook: Callable[[Path], bool] | None = None) -> list[Setting]:
    """The hooks that git runs in this repository, put there by whomever: its own ones, and a folder elsewhere.

    ``is_our_hook`` tells those of crmctl by what is in them. Without, they are taken for ours by their second line.

    Raises:
        GitFailed: the settings cannot be read.
    """
    is_our_hook = is_our_hook or hookfiles.is_ours
    found = []
    with contextlib.suppress(OSError):
        for path in sorted((places.common_dir / "hooks").iterdir()):
            if path.suffix != ".sample" and path.is_file() and os.access(path, os.X_OK) and not is_our_hook(path):
                where = os.path.relpath(path, places.top)
                found.append(Setting(where, f"{_HOOKS}{path.name}", str(path), "git runs it as a hook"))
    if any("hookspath" in text.lower() for text in config_texts(places)):
        found += [
            setting._replace(does=_ELSEWHERE)
            for setting in _local(places)
            if setting.name == "core.hookspath" and setting.value and _is_elsewhere(places, setting.value)
        ]
    return found


def _is_elsewhere(places: Places, value: str) -> bool:
    """Whether a folder of hooks is neither git's own nor one that came with the repository."""
    target = os.path.realpath(places.top / Path(value).expanduser())
    return target != os.path.realpath(places.common_dir / "hooks") and not _inside(places, places.top, value)


def came_with(places: Places, is_our_hook: Callable[[Path], bool] | None = None) -> list[Setting]:
    """The hooks of a repository that was not set up on this machine; errors as ``hooks``."""
    return [] if origin.is_known(places) else hooks(places, is_our_hook)


def _without_ours(text: str, is_our_driver: Callable[[str], bool]) -> str:
    """``text`` without the section of our own merge driver, if that is what it is, and nothing more."""
    before, found, rest = text.partition('[merge "crmctl"]\n')
    body, _, after = rest.partition("\n[")
    for line in body.splitlines() if found else ():
        key, _, value = line.strip().partition(" = ")
        value = value[1:-1] if value[:1] == value[-1:] == '"' else value
        plain = value.replace('\\"', "").replace("\\\\", "")
        if '"' in plain or "\\" in plain or key not in ("name", "driver", "recursive"):
            return text
        if key == "driver" and not is_our_driver(value.replace('\\"', '"').replace("\\\\", "\\")):
            return text
    return f"{before}[{after}" if found else text


def _local(places: Places) -> Iterator[Setting]:
    """All settings of the repository and of this work tree, those of included files too."""
    done = config(places.top, "--list", "--includes", "--show-scope", "--show-origin", "-z")
    if done.returncode:
        raise failed(("config",), done.stderr)
    parts = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    for scope, source, setting in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        if scope in ("local", "worktree"):
            name, equals, value = setting.partition("\n")
            yield Setting(source.removeprefix("file:"), name, value if equals else "true")


def _judge(places: Places, setting: Setting) -> str:
    """What a setting does that only the user may allow; "" when it is harmless."""
    name, value = setting.name, setting.value
    section, _, rest = name.partition(".")
    last = rest.rpartition(".")[2]
    if _RUN.fullmatch(name) and value:
        # `pager.log = false` only says whether there is one.
        return "" if section == "pager" and value.lower() in _BOOLEANS else _ALWAYS
    if name == "core.fsmonitor" and value.lower() not in _BOOLEANS:
        return "git runs it to ask what changed"
    if name == "core.hookspath" and _inside(places, places.top, value):
        return "git runs the hooks in a folder that comes with the repository"
    if name == "include.path" or (section == "includeif" and last == "path"):
        folder = Path(places.top, setting.file).parent
        return "more settings, from a file that comes with the repository" if _inside(places, folder, value) else ""
    if section == "alias" and value.lstrip().startswith("!"):
        return "git runs it under a name of its own"
    if section == "credential" and last == "helper" and value and ("/" in value or value.startswith("!")):
        return "git runs it to ask for passwords"
    if section == "submodule" and last == "update" and value.lstrip().startswith("!"):
        return _ALWAYS
    if section == "protocol" and last == "allow" and value.lower() == "always" and rest != "file.allow":
        return "any address may name a command"
    addresses = (value, rest.rpartition(".")[0]) if section in ("url", "remote") else ()
    return "an address that names a command" if any(_HELPER.match(address) for address in addresses) else ""


def _inside(places: Places, folder: Path, value: str) -> Path | None:
    """Where ``value`` leads to, if that is in the work tree or the repository, and so came with it."""
    if not value:
        return None
    target = Path(os.path.realpath(folder / Path(value).expanduser()))
    homes = (places.top, places.git_dir, places.common_dir)
    standard = os.path.realpath(places.common_dir / "hooks")
    if str(target) == standard:
        return None
    return target if any(target.is_relative_to(os.path.realpath(home)) for home in homes) else None


def is_outside(places: Places, program: str) -> bool:
    """Whether a program is named by a whole path that did not come with the repository."""
    return Path(program).is_absolute() and _inside(places, places.top, program) is None


def fingerprint(places: Places, settings: Sequence[Setting]) -> str:
    """A hash of the settings, and of the files of the repository that they name: those may change by a pull."""
    digest = hashlib.sha256()
    for setting in sorted(settings):
        digest.update(f"{setting.name}\0{setting.value}\0".encode("utf-8", "surrogateescape"))
        for path in _named(places, setting):
            digest.update(os.fsencode(path) + b"\0" + _content(path) + b"\0")
    return digest.hexdigest()


def _named(places: Places, setting: Setting) -> Iterator[Path]:
    """The files in the work tree or the repository that a setting names, those in a folder one by one."""
    try:
        words = shlex.split(setting.value.lstrip("!"))
    except ValueError:
        words = setting.value.split()
    if setting.name.startswith(_HOOKS) or setting.does == _ELSEWHERE:
        hook = places.top / Path(setting.value).expanduser()
        yield from sorted(path for path in (hook.iterdir() if hook.is_dir() else (hook,)) if path.is_file())
        return
    bases = [places.top, Path(places.top, setting.file).parent]
    for word in dict.fromkeys([setting.value, *words]):
        for base in bases:
            target = _inside(places, base, word)
            if target is not None and target.is_file():
                yield target
            elif target is not None and target.is_dir() and setting.name == "core.hookspath":
                yield from sorted(path for path in target.iterdir() if path.is_file())


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST)


def is_trusted(places: Places, settings: Sequence[Setting]) -> bool:
    """Whether the user has allowed exactly these settings."""
    return pins.read().get(pins.key(places.common_dir)) == fingerprint(places, settings)


def switched_off(places: Places) -> tuple[tuple[str, ...], dict[str, str]]:
    """What to tell git, as options and variables, so that it runs none of this while it only looks.

    Raises:
        Conflict: a name that cannot be switched off.
    """
    found = suspicious(places)
    if not found or is_trusted(places, [*found, *came_with(places)]):
        return (), {}
    options: list[str] = []
    for section, last in sorted({(s.name.partition(".")[0], s.name.rpartition(".")[0]) for s in found}):
        if section in _OFF and "=" in last:
            raise Conflict(
                f"the settings of this repository hide what they run: {last}",
                hint="Look at .git/config, and take that section out.",
            )
        for off in _OFF.get(section, ()):
            options += ["-c", f"{last}.{off}"]
    # A repository may lack objects, and name a command that fetches them.
    return tuple(options), {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
