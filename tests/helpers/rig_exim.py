"""Exim with a queue, delivery into Maildirs and bounces of its own, for domains that are nowhere but here."""

from __future__ import annotations

import contextlib
import mailbox
from typing import TYPE_CHECKING
from typing import NamedTuple

from helpers import rig_base as rig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

_SETTINGS = """\
exim_path = {folder}/exim
primary_hostname = mx.test.example
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
exim_user = {user}
exim_group = {group}
never_users =
trusted_users = {user}
admin_groups = {group}
keep_environment = LD_LIBRARY_PATH
local_interfaces = 127.0.0.1
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
smtp_accept_max = 0
acl_smtp_rcpt = check_rcpt
begin acl
check_rcpt:
  deny local_parts = {refused}
    message = 5.1.1 no such person here
  defer local_parts = {grey}
    message = 4.7.1 please try again in 300 seconds
  accept
begin routers
unknown:
  driver = redirect
  local_parts = {unknown}
  data = :fail: no such person here
  allow_fail
{onward}
own:
  driver = accept
  domains = example.com
  transport = inbox
people:
  driver = accept
  transport = people
begin transports
inbox:
  driver = appendfile
  directory = {folder}/inbox
  maildir_format
  envelope_to_add
  return_path_add
  user = {user}
  group = {group}
people:
  driver = appendfile
  directory = {folder}/people
  maildir_format
  envelope_to_add
  user = {user}
  group = {group}
begin retry
* * F,2h,1s
"""

_ONWARD = """\
to_{port}:
  driver = manualroute
  local_parts = {people}
  route_list = * 127.0.0.1::{port}
  self = send
  transport = out_{port}
"""
_OUT = """\
out_{port}:
  driver = smtp
  port = {port}
  hosts_try_dane =
  hosts_try_fastopen =
"""

_WRAPPER = """\
#!/bin/sh
# Exim wants the user that its package makes; libnss-wrapper has it for this process alone.
export LD_LIBRARY_PATH={libraries}
if [ -e {nss} ]; then
    export LD_PRELOAD={nss} NSS_WRAPPER_PASSWD={folder}/passwd NSS_WRAPPER_GROUP={folder}/group
fi
exec {program} -C {folder}/settings "$@"
"""


class Exim(NamedTuple):
    """A running Exim: where it listens, and its folder."""

    port: int
    folder: Path

    def messages(self, box: str) -> list[bytes]:
        """The messages in a Maildir of it: ``inbox``, of example.com, or ``people``, of everybody else."""
        path = self.folder / box
        return [mail.as_bytes() for mail in mailbox.Maildir(path, create=False)] if path.is_dir() else []

    def envelopes(self, box: str) -> list[str]:
        """For whom the messages in a Maildir were."""
        return sorted(str(mail["Envelope-to"]) for mail in mailbox.Maildir(self.folder / box, create=False))

    @property
    def queued(self) -> int:
        """How many messages are still in the queue."""
        return len(list((self.folder / "spool" / "input").rglob("*-H")))

    def sendmail(self) -> Path:
        """A program as of sendmail, which gives a message to this Exim; without the rights of root here too."""
        lent = f"{rig.program('setpriv')} --reuid={rig.USER} --regid={rig.GROUP} --clear-groups " if rig.LENT else ""
        words = f'#!/bin/sh\nexec {lent}{self.folder}/exim "$@"\n'
        return rig.put(self.folder / "sendmail", words, 0o755)

    def log(self) -> str:
        """What it wrote into its log."""
        path = self.folder / "mainlog"
        return path.read_text() if path.exists() else ""


@contextlib.contextmanager
def exim(
    *, refused: str = "", grey: str = "", unknown: str = "", onward: Mapping[int, str] | None = None
) -> Iterator[Exim]:
    """Exim, which tries its queue again every second.

    Lists of local parts, with colons: who is refused at RCPT, who is put off there, who is taken and turns out to be
    unknown, and who is on another server on this machine, by its port.
    """
    path = rig.program("exim4")
    with rig.ground() as folder:
        port = rig.free_port()
        routes = onward or {}
        settings = _SETTINGS.format(
            folder=folder,
            user=rig.USER,
            group=rig.GROUP,
            refused=refused,
            grey=grey,
            unknown=unknown,
            onward="".join(_ONWARD.format(port=number, people=people) for number, people in routes.items()),
        )
        transports = "begin transports\n"
        outs = "".join(_OUT.format(port=number) for number in routes)
        rig.put(folder / "settings", settings.replace(transports, transports + outs))
        rig.put(folder / "passwd", f"Debian-exim:x:{rig.USER}:{rig.GROUP}::/:/bin/false\n")
        rig.put(folder / "group", f"Debian-exim:x:{rig.GROUP}:\n")
        nss = rig.tree() / "usr" / "lib" / rig.MACHINE / "libnss_wrapper.so"
        words = _WRAPPER.format(libraries=rig.libraries(), nss=nss, folder=folder, program=path)
        command = [str(rig.put(folder / "exim", words, 0o755)), "-bdf", "-q1s", "-oX", f"127.0.0.1:{port}"]
        with rig.running(command, folder, port):
            yield Exim(port, folder)
