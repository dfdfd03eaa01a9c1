"""How errors reach a person, on stderr: what happened, each problem behind its file and line, and what to do next.

Everything that ends a command comes by here, and so does what is told of an error on the way; the exit status goes back
to ``root``. Imported only when there is something to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl import __version__
from crmctl import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.cli.app import App
    from crmctl.errors import CrmError
    from crmctl.errors import Problem


def tell_error(app: App, error: CrmError, about: str = "") -> None:
    """An error in words: its message, its problems, its hint. ``about`` names what it happened to, among several.

    A message that only repeats a problem is not told twice, and neither is a hint.
    """
    problems = error.problems
    behind = f"{about}: " if about else ""
    if len(problems) > 1 and any(problem.message in error.message for problem in problems):
        tell_problems(app, problems, about=about, hint=error.hint)
        return
    app.fail(f"{behind}{error.message}")
    if isinstance(error, errors.Ambiguous):
        for handle, title in error.candidates:
            app.warn(f"  {handle}  {title}")
    if problems and problems[0].message not in error.message:
        for line in _lines(problems, error.hint):
            app.warn(f"  {line}")
    hint = error.hint or _common_hint(problems)
    if hint:
        app.warn(f"hint: {hint}")


def tell_problems(app: App, problems: Sequence[Problem], *, about: str = "", hint: str = "") -> None:
    """Problems in files, each behind the program's name, with the hint of each; one that all have in common once.

    ``hint`` is that of an error which they are part of.
    """
    common = _common_hint(problems) if len(problems) > 1 else ""
    for problem in problems:
        app.fail(f"{about}: {problem}" if about else str(problem))
        if problem.hint and problem.hint != common:
            app.warn(f"  hint: {problem.hint}")
    told = {problem.hint for problem in problems}
    if common or (hint and hint not in told):
        app.warn(f"hint: {common or hint}")


def _lines(problems: Sequence[Problem], hint: str) -> Iterator[str]:
    """``path:line: words`` and the hint below it, unless all have the same one, or it is told at the end anyway."""
    common = _common_hint(problems)
    for problem in problems:
        yield str(problem)
        if problem.hint and problem.hint not in (hint, common):
            yield f"  hint: {problem.hint}"
    if common and hint and common != hint:
        yield f"hint: {common}"


def _common_hint(problems: Sequence[Problem]) -> str:
    """The hint of all of them, when it is the same one."""
    hints = {problem.hint for problem in problems}
    return hints.pop() if len(hints) == 1 else ""


def tell_usage(app: App, error: click.ClickException) -> int:
    """Words that do not fit a command; the exit status."""
    message = error.format_message()
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
        app.warn(message)
        return errors.USAGE
    app.fail(f"{message[:1].lower()}{message[1:].rstrip('.')}")
    if not isinstance(error, click.UsageError):
        return errors.FAILED
    if error.ctx is not None:
        app.warn(f"hint: {error.ctx.command_path} --help")
    return errors.USAGE


def tell_refused(app: App, error: OSError) -> int:
    """Something the operating system would not do, outside of the book's own files; the exit status."""
    from crmctl.store.files import storage_failed

    failed = storage_failed(str(error.filename or "the output"), error, "write" if error.filename is None else "use")
    tell_error(app, failed)
    return failed.code


def tell_unexpected(app: App, error: Exception, arguments: Sequence[str]) -> int:
    """What nobody foresaw: a word that is no text, an index that was damaged meanwhile, or a bug of ours."""
    if isinstance(error, UnicodeEncodeError):
        bad = next((argument for argument in arguments if not argument.isascii() and _is_broken(argument)), None)
        if bad is not None:
            app.fail(f"{bad!r} is not UTF-8")
            return errors.USAGE
    if app.opened is not None and app.opened.discard_damaged_index(error):
        app.fail("the index of this book was damaged; it has been thrown away")
        app.warn("hint: Run the command again; the index is made anew from the book.")
        return errors.FAILED
    return _tell_bug(app, error, arguments)


def _is_broken(text: str) -> bool:
    return any(0xD800 <= ord(character) < 0xE000 for character in text)


def _tell_bug(app: App, error: Exception, arguments: Sequence[str]) -> int:
    """A bug: one line for the user, where it happened for whoever mends it, and no values from records."""
    import platform
    import tempfile
    import traceback

    if "--debug" in arguments:
        app.warn("".join(traceback.format_exception(error)))
        return errors.BUG
    text = "".join(_places(error))
    descriptor, path = tempfile.mkstemp(prefix="crmctl-", suffix=".log")
    with open(descriptor, "w", encoding="utf-8", errors="replace") as log:  # noqa: PTH123 - opened by mkstemp
        log.write(f"crmctl {__version__}, Python {platform.python_version()}, {platform.platform()}\n\n{text}")
    app.fail(f"a bug of ours: {type(error).__name__} (the details are in {path})")
    app.warn("hint: The book is as it was. Please report it with that file; --debug tells more, values included.")
    return errors.BUG


def _places(error: BaseException) -> Iterator[str]:
    """A traceback without the words of the errors in it: those may be values from records."""
    import traceback

    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _places(before)
        yield "\nand then:\n\n"
    yield getattr(error, "places", "")  # Of another process, in which it happened.
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}\n"
