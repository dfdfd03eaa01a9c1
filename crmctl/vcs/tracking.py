"""What git's own notes on a remote's branch tell of its past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.vcs.run import attempt

if TYPE_CHECKING:
    from crmctl.vcs.places import Places
    from crmctl.vcs.remotes import Remote


def dropped(places: Places, remote: Remote) -> str:
    """The latest commit that the remote's branch had once and has no more, and HEAD still has; "" for none.

    That is how a rewind shows that a plain ``git fetch`` has followed. It is read in the reflog of the branch as seen
    here, so it is not known where git keeps none (in another form than files, or after ``git fetch --prune``).
    """
    try:
        lines = (places.common_dir / "logs" / remote.ref).read_bytes().splitlines()
    except OSError:
        return ""
    values = [value.decode("ascii", "replace") for line in reversed(lines) for value in reversed(line.split()[:2])]
    done = attempt(places.top, "rev-list", "HEAD", "--not", remote.ref, "--")
    ours = set(done.stdout.decode().split()) if done.returncode == 0 else set()
    return next((value for value in values if value in ours), "")
