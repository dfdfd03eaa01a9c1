"""Dovecot with one mailbox, all of it as one user without rights, in one folder."""

from __future__ import annotations

import contextlib
import imaplib
from typing import TYPE_CHECKING
from typing import NamedTuple

from helpers import rig_base as rig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helpers.smtp_server import Certificate

USER, PASSWORD = "ada", "correct horse"

_SETTINGS = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
disable_plaintext_auth = no
default_internal_user = {name}
default_internal_group = {group_name}
default_login_user = {name}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{folder}/Maildir
auth_mechanisms = plain login
auth_failure_delay = 0
import_environment = LD_LIBRARY_PATH
stats_writer_socket_path =
passdb {{
  driver = passwd-file
  args = scheme=plain {folder}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  # Otherwise whoever gives a wrong password once has to wait.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""
_PLACES = """\
libexec_dir = {tree}/usr/lib/dovecot
mail_plugin_dir = {tree}/usr/lib/dovecot/modules
"""
_BUILT_IN = b"/usr/lib/dovecot/modules\0"


class Dovecot(NamedTuple):
    """A running Dovecot: where it listens, and its folder."""

    port: int
    folder: Path

    @contextlib.contextmanager
    def client(self, box: str = "INBOX", *, change: bool = False) -> Iterator[imaplib.IMAP4]:
        """Another mail program, with a folder open; only ``change`` lets it change anything by reading."""
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=rig.PATIENCE) as found:
            found.login(USER, PASSWORD)
            assert found.select(box, readonly=not change)[0] == "OK"
            yield found

    def deliver(self, message: bytes, flags: str = "", box: str = "INBOX") -> None:
        """Put a message into a folder, which is made when there is none."""
        with self.client() as client:
            client.create(box)
            typ, said = client.append(box, flags, "", message)
            assert typ == "OK", said

    def flags(self, box: str = "INBOX") -> list[str]:
        """What is marked, message by message."""
        with self.client(box) as client:
            _, lines = client.fetch("1:*", "(UID FLAGS)")
            return [line.decode() for line in lines if isinstance(line, bytes)]

    def names(self) -> list[str]:
        """The files in the Maildir: an unread message in ``new`` shows that no program has it opened for changes."""
        box = self.folder / "Maildir"
        return sorted(f"{place}/{path.name}" for place in ("new", "cur") for path in (box / place).iterdir())

    def validity(self, box: str = "INBOX") -> str:
        """The folder's UIDVALIDITY."""
        with self.client(box) as client:
            return str(client.response("UIDVALIDITY")[1][0])

    def log(self) -> str:
        """What it wrote into its log."""
        return (self.folder / "log").read_text()


@contextlib.contextmanager
def dovecot(certificate: Certificate | None = None) -> Iterator[Dovecot]:
    """Dovecot, which lets one user in; with a certificate only by way of STARTTLS."""
    import grp
    import pwd

    path = rig.program("dovecot")
    with rig.ground() as folder:
        port = rig.free_port()
        settings = _SETTINGS.format(
            folder=folder,
            port=port,
            user=rig.USER,
            group=rig.GROUP,
            name=pwd.getpwuid(rig.USER).pw_name,
            group_name=grp.getgrgid(rig.GROUP).gr_name,
        )
        settings += "ssl = no\n"
        if certificate is not None:
            chain, key = (rig.put(folder / one.name, one.read_text()) for one in certificate)
            settings = settings.replace("ssl = no\n", f"ssl = required\nssl_cert = <{chain}\nssl_key = <{key}\n")
        command, env = [str(path), "-F", "-c", f"{folder}/settings"], {}
        if path.is_relative_to(rig.tree()):
            settings += _PLACES.format(tree=rig.tree())
            # Without this, Dovecot starts a program in /usr/bin to read its settings.
            command = [str(rig.program("doveconf")), "-c", f"{folder}/settings", "-m", "master", "-e", *command]
            env = {"LD_LIBRARY_PATH": rig.libraries(*_libraries(folder))}
        rig.put(folder / "settings", settings)
        rig.put(folder / "users", f"{USER}:{PASSWORD}\n")
        with rig.running(command, folder, port, env):
            yield Dovecot(port, folder)


def _libraries(folder: Path) -> list[str]:
    """Where the unpacked Dovecot finds its libraries. One of them has the place of its modules built in: here it is
    another one, in a copy of that library, which therefore must be a short one."""
    own = rig.tree() / "usr" / "lib" / "dovecot"
    place = bytes(folder / "m")
    library = (own / "libdovecot.so.0").read_bytes()
    if library.count(_BUILT_IN) != 1 or len(place) >= len(_BUILT_IN):
        rig.absent("this Dovecot can only be used where it is installed: apt-get install dovecot-imapd")
    (folder / "m").symlink_to(own / "modules")
    (folder / "lib").mkdir()
    changed = library.replace(_BUILT_IN, place.ljust(len(_BUILT_IN), b"\0"))
    (folder / "lib" / "libdovecot.so.0").write_bytes(changed)
    return [str(folder / "lib"), str(own), str(own / "modules" / "old-stats")]
