"""``crmctl completion show|install``: what makes a shell complete commands, handles, fields and values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from crmctl.cli.app import App

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_CRMCTL_COMPLETE"

# bash takes a word apart at ":" and "=", which filters are full of: here the words are put together again, and of each
# answer only what stands behind the last such sign is handed back. click's own script does not do that.
_BASH = """\
# Completion of crmctl for bash. Made by: crmctl completion install bash
_crmctl_completion() {
    local IFS=$'\\n' rest="${COMP_LINE:0:COMP_POINT}" word bare kind value current kept
    local -a words=()
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        bare="${rest#"${rest%%[![:space:]]*}"}"
        if [[ ${#words[@]} -gt 0 && $bare == "$rest" ]]; then
            words[${#words[@]}-1]+="$word"
        else
            words+=("$word")
        fi
        rest="${bare#"$word"}"
    done
    current="${words[${#words[@]}-1]}"
    kept="${current%"${current##*[:=]}"}"
    COMPREPLY=()
    while read -r value; do
        kind="${value%%,*}"
        value="${value#*,}"
        if [[ $kind == dir ]]; then
            compopt -o dirnames
        elif [[ $kind == file ]]; then
            compopt -o default
        else
            [[ $value == *[:=.] ]] && compopt -o nospace
            COMPREPLY+=("${value#"$kept"}")
        fi
    done < <(IFS=' '; COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) _CRMCTL_COMPLETE=bash_complete "$1" \\
        2>/dev/null)
}
complete -o nosort -F _crmctl_completion crmctl
"""


@click.group("completion", context_settings={"help_option_names": ["-h", "--help"]})
def completion() -> None:
    """Print or install shell completion."""


@completion.command("show", cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@pass_app
def show(app: App, shell: str) -> None:
    """Print what a shell has to read to complete crmctl's words."""
    app.print(script(shell).splitlines())


@completion.command("install", cls=Command)
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@pass_app
def install(app: App, shell: str | None) -> None:
    """Write the completion file to where the shell looks for it; SHELL is the one you use when absent."""
    chosen = shell or Path(os.environ.get("SHELL", "")).name
    if chosen not in SHELLS:
        raise UsageProblem("which shell?", hint=f"crmctl completion install {'|'.join(SHELLS)}")
    file = place(chosen)
    text = script(chosen)
    if file.exists() and file.read_text(encoding="utf-8", errors="replace") == text:
        app.say(f"Nothing to change: {file} is as it should be.")
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    app.say(f"Wrote {file}  [undo: rm {file}]")
    app.say(_NEXT[chosen].format(folder=file.parent))


_NEXT = {
    "bash": "New shells complete crmctl, where the package bash-completion is installed.",
    "zsh": "New shells complete crmctl, when ~/.zshrc has, before compinit: fpath=({folder} $fpath)",
    "fish": "New shells complete crmctl.",
}


def place(shell: str) -> Path:
    """Where a shell loads completions of single commands from, by the XDG base directories."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {
        "bash": data / "bash-completion" / "completions" / "crmctl",
        "zsh": data / "zsh" / "site-functions" / "_crmctl",
        "fish": config / "fish" / "completions" / "crmctl.fish",
    }[shell]


def script(shell: str) -> str:
    """The completion file of a shell. It is static: nothing of crmctl runs before something is completed."""
    if shell == "bash":
        return _BASH
    from click.shell_completion import FishComplete
    from click.shell_completion import ZshComplete

    from crmctl.cli.root import ROOT

    maker = ZshComplete if shell == "zsh" else FishComplete
    return maker(ROOT, {}, "crmctl", _VARIABLE).source().strip() + "\n"
