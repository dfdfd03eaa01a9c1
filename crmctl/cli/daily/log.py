"""``crmctl log``: write down what happened, and the follow-up it calls for, in one breath."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import adopt_option
from crmctl.cli.options import set_option
from crmctl.cli.options import split_assignment
from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.services.following.followups import Promise
    from crmctl.services.interactions import Line
    from crmctl.services.records import Assignment

_SCISSORS = "# ------ 8< ------"
_KINDS = {"by": "member", "deal": "deal", "case": "case", "campaign": "campaign"}


def _complete(kind: str) -> Callable[[click.Context, click.Parameter, str], list[Any]]:
    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
        from crmctl.cli.complete import handles

        return handles(context, kind, incomplete)

    return complete


def _ref_option(name: str, kind: str, text: str) -> Callable[[Any], Any]:
    return click.option(f"--{name}", metavar=kind.upper(), shell_complete=_complete(kind), help=text)


@click.command(
    "log",
    cls=Command,
    epilog="Examples: crmctl log ada call 'wants an offer' --minutes 12 --followup 'send offer' --due fri; "
    "crmctl log ada purchase --line rock*3@0.99; crmctl log ada email - < mail.txt",
)
@click.argument("ref", metavar="REF", shell_complete=_complete("customer"))
@click.argument("type_", metavar="TYPE")
@click.argument("words", nargs=-1, metavar="[TEXT|-]")
@click.option("--at", metavar="WHEN", default="", help="When it happened; now when absent. Leans to the past.")
@click.option("--direction", type=click.Choice(["in", "out"]), help="Who began it: in is the customer, out is us.")
@_ref_option("by", "member", "Who of the team; the one with your git e-mail address when absent.")
@click.option("--minutes", type=click.IntRange(min=0), help="How long it took.")
@click.option("--amount", help="Money that changed hands.")
@click.option("--currency", help="Its currency; the book's when absent.")
@click.option(
    "--line",
    "bought",
    multiple=True,
    metavar="PRODUCT[*N][@PRICE]",
    help="Something bought; repeatable. The price is the product's, the amount their sum, unless given.",
)
@_ref_option("deal", "deal", "The deal it belongs to.")
@_ref_option("case", "case", "The case it belongs to.")
@_ref_option("campaign", "campaign", "The campaign it answers.")
@click.option("--tag", "tags", multiple=True, help="A word to filter by; repeatable.")
@click.option("--outcome", help="How it ended: reached, voicemail, interested ...")
@set_option
@click.option("--followup", metavar="TEXT", help="What to do next; becomes a follow-up.")
@click.option("--due", metavar="WHEN", help="When to do it; in a week when absent. Leans to the future.")
@click.option("--promised", is_flag=True, help="The customer was told that it would come.")
@adopt_option
@pass_app
def log(app: App, /, ref: str, type_: str, words: tuple[str, ...], at: str, adopt: bool, **given: Any) -> None:
    """Write down what happened with a customer.

    REF is a handle, the start of one, an e-mail address, a phone number or words of the name. TYPE is call, email,
    meeting, note, purchase ... TEXT may be several words. With - it is read from stdin, and so it is when it is absent
    and stdin is no terminal; for a purchase or payment only with -. On a terminal your editor asks for it.

    `crmctl log email - < MESSAGE` files a whole message: whom it is from, or to, says whose history it belongs to.
    """
    if (ref, type_, words) == ("email", "-", ()):
        from crmctl.cli.channels.ingest import log_message

        log_message(app)
        return
    from crmctl.cli.pick import picked
    from crmctl.services import interactions

    book = app.book
    promise = _promise(given["followup"], given["due"], promised=given["promised"])
    type_ = interactions.interaction_type(book, type_)
    customer = picked(app, book.schema.require("customer"), ref)
    assignments = _assignments(app, given)
    bought = [_line(app, text) for text in given["bought"]]
    text = _text(app, customer, type_, words)
    app.written(
        interactions.log(
            book, customer, type_, text, at=at, assignments=assignments, bought=bought, promise=promise, adopt=adopt
        )
    )


def _promise(what: str | None, due: str | None, *, promised: bool) -> Promise | None:
    if what is not None and what.strip():
        from crmctl.services.following.followups import Promise

        return Promise(what, due or "", promised)
    if due is not None or promised:
        option = "--due" if due is not None else "--promised"
        raise UsageProblem(f"{option} says something of a follow-up, and there is none", hint="Add --followup TEXT.")
    return None


def _assignments(app: App, given: dict[str, Any]) -> list[Assignment]:
    """The options as fields; references are picked now, while a person can still be asked."""
    from crmctl.cli.pick import picked
    from crmctl.services.records import Assignment

    found = []
    for name in ("direction", "by", "minutes", "amount", "currency", "deal", "case", "campaign", "outcome"):
        value = given[name]
        if value is None or value == "":
            continue
        if name in _KINDS:
            value = picked(app, app.book.schema.require(_KINDS[name]), value)
        found.append(Assignment(name, str(value)))
    found += [Assignment("tags+", tag) for tag in given["tags"]]
    return found + [Assignment(*split_assignment(text)) for text in given["sets"]]


def _line(app: App, text: str) -> Line:
    from crmctl.cli.pick import picked
    from crmctl.services.interactions import parse_line

    line = parse_line(text)
    return line._replace(product=picked(app, app.book.schema.require("product"), line.product))


def _text(app: App, customer: str, type_: str, words: tuple[str, ...]) -> str:
    """The text: as given, from stdin, or from the editor."""
    from crmctl.services.interactions import WORDLESS

    if words and words != ("-",):
        return " ".join(words)
    if words:
        return _from_stdin()
    if type_ in WORDLESS:
        return ""
    if sys.stdin is None or not sys.stdin.isatty():
        return _from_stdin()
    return _from_editor(customer, type_) if app.can_ask else ""


def _from_stdin() -> str:
    """All of stdin.

    Raises:
        InvalidData: it is not UTF-8.
    """
    if sys.stdin is None:
        return ""
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        hint = "Convert it first: iconv -f latin1 -t utf-8"
        raise InvalidData("the text on stdin is not UTF-8", hint=hint) from None


def _from_editor(customer: str, type_: str) -> str:
    """What a person writes above the line; giving up when that is nothing."""
    below = f"{_SCISSORS}\n# Above this line: what happened ({type_} with {customer}). Nothing there, nothing logged.\n"
    written = click.edit(f"\n{below}", extension=".md", require_save=False) or ""
    text = written.partition(_SCISSORS)[0].strip()
    if not text:
        raise click.Abort
    return text
