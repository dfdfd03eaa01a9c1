"""``crmctl mail doctor|test``: is the way out set up, and does a message take it."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmctl import errors
from crmctl.cli.app import pass_app
from crmctl.cli.book.doctor import told
from crmctl.cli.options import Command
from crmctl.cli.options import output_option

if TYPE_CHECKING:
    from crmctl.cli.app import App

_CONFIG = click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Another file of settings than $XDG_CONFIG_HOME/crmctl/config.yaml.",
)


@click.group("mail", context_settings={"help_option_names": ["-h", "--help"]})
def mail() -> None:
    """Look at how mail leaves this machine, and try it.

    The mail server stands in your own settings, never in a book: $XDG_CONFIG_HOME/crmctl/config.yaml. What can stand in
    it is told in docs/mail-setup.md.

    \b
      mail:
        from: Ada Lovelace <ada@example.com>
        server: smtp.example.com
        user: ada
        password_command: pass show mail
    """


@mail.command("doctor", cls=Command)
@click.option("--offline", is_flag=True, help="Do not ask the DNS about SPF, DKIM and DMARC.")
@click.option("--no-connect", is_flag=True, help="Do not connect to the mail server.")
@_CONFIG
@output_option("lines", formats=("lines", "table", "json", "jsonl", "csv", "tsv"))
@pass_app
def doctor(app: App, offline: bool, no_connect: bool, config_file: Path | None, form: str) -> int:
    """Look at the mail settings, the server and the sender's domain. Nothing is sent.

    The settings are read, the server is connected to, secured and logged in to; SPF, DKIM and DMARC are looked up when
    dnspython is installed. The exit status is 1 when something is bad.

    \b
      crmctl mail doctor
      crmctl mail doctor --offline --no-connect
    """
    from crmctl.services.mailing import config
    from crmctl.services.mailing import names
    from crmctl.services.mailing.doctor import findings

    lookup = None if offline else names.resolver()
    found = list(findings(config.read(config_file), lookup, connect=not no_connect, offline=offline))
    return told(app, form, found)


@mail.command("test", cls=Command)
@click.argument("address")
@click.option("--send", "really", is_flag=True, help="Send it; without this it is only shown.")
@_CONFIG
@pass_app
def test(app: App, address: str, really: bool, config_file: Path | None) -> int:
    """Send one fixed message to ADDRESS, which should be your own.

    \b
      crmctl mail test ada@example.com            shows the message
      crmctl mail test ada@example.com --send     sends it
    """
    from crmctl.mail.transport.outcomes import ACCEPTED
    from crmctl.mail.transport.outcomes import NOT_TRIED
    from crmctl.services.mailing import config
    from crmctl.services.mailing import outgoing
    from crmctl.services.mailing import single
    from crmctl.services.mailing import trying

    app.set_now(UTC)
    settings = config.read(config_file)
    for warning in settings.warnings:
        app.warn(warning)
    server = settings.require_mail()
    trial = trying.prepare(server, address)
    where = server.sendmail or f"{server.host}, port {server.port}"
    if not really:
        app.print(trial.data.decode("ascii").replace("\r\n", "\n").splitlines())
        app.say(f"This would go to {trial.recipient} by {where}; --send sends it.")
        return errors.OK
    outcome = single.hand_over(trial, outgoing.transport(server))
    code = str(outcome.code or "")
    said = outcome.text if code in outcome.text else f"{code} {outcome.text}".strip()
    if outcome.state == ACCEPTED:
        app.say(f"Sent to {trial.recipient} by {where}: {said}")
        return errors.OK
    how = "" if outcome.state == NOT_TRIED else f" ({outcome.state}, {outcome.phase})"
    app.fail(f"not sent{how}: {said}")
    app.warn("hint: crmctl mail doctor looks at every step of the way.")
    return errors.NOT_SENT
