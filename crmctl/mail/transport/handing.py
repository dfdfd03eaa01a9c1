"""What every way out for mail does first: the envelope is made, and what would not arrive as it is does not leave."""

from __future__ import annotations

from abc import ABC
from abc import abstractmethod
from typing import TYPE_CHECKING

from crmctl.mail.transport.envelope import Envelope
from crmctl.mail.transport.envelope import check_data
from crmctl.mail.transport.outcomes import nowhere

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.mail.transport.outcomes import Outcome


class Handing(ABC):
    """A way out for mail. See ``crmctl.mail.transport.outcomes.Transport`` for what is promised."""

    def send(
        self,
        sender: str,
        recipient: str,
        data: bytes,
        *,
        sid: str,
        before_dot: Callable[[], None],
        at: Callable[[str], None] = nowhere,
    ) -> Outcome:
        """Try once to hand over one message; see ``Transport``."""
        envelope = Envelope.of(sender, recipient, sid, data)
        check_data(data)
        return self._once(envelope, data, before_dot, at)

    @abstractmethod
    def _once(
        self, envelope: Envelope, data: bytes, before_dot: Callable[[], None], at: Callable[[str], None]
    ) -> Outcome:
        """The same, for what has been checked."""
