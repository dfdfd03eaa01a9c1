"""One message, judged: what becomes of it in histories, follow-ups, the ledger and the list of suppressions.

What cannot be told for certain becomes a follow-up; what concerns nobody becomes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.mail.inbound import bounces
from crmctl.mail.inbound import optout
from crmctl.services.ingest import entries
from crmctl.services.ingest.decisions import FILED
from crmctl.services.ingest.decisions import FOREIGN
from crmctl.services.ingest.decisions import KNOWN
from crmctl.services.ingest.decisions import NOBODY
from crmctl.services.ingest.decisions import NOTED
from crmctl.services.ingest.decisions import OWN
from crmctl.services.ingest.decisions import SOFT_DAYS
from crmctl.services.ingest.decisions import SOFT_MOST
from crmctl.services.ingest.decisions import UNCLEAR
from crmctl.services.ingest.decisions import Bad
from crmctl.services.ingest.decisions import Confirmed
from crmctl.services.ingest.decisions import Decision
from crmctl.services.ingest.entries import Entry
from crmctl.services.ingest.entries import Task
from crmctl.services.ingest.sends import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from crmctl.mail.inbound.classify import Kind
    from crmctl.mail.inbound.reading import Mail
    from crmctl.model.raw import RawMap
    from crmctl.services.ingest.deciding import Desk
    from crmctl.services.ingest.matching import Match
    from crmctl.services.ingest.sends import Send

_DOUBTS = {
    "opt-out": "Read a mail: it may say that they want no more mail",
    "erasure": "Read a mail: they want what we know of them to be deleted",
    "answer": "Read a mail: it answers our question, and may say no",
    "stranger": "Read a mail: somebody else answers our question whether they agree",
    "cut": "Read a mail: it is too large to be read here in full",
}

_WITHOUT_DATE = "Read a mail: it does not say when it was written, so it stops no sequence"


class Case:
    """One message and what is known about it."""

    def __init__(self, desk: Desk, mail: Mail, kind: Kind, match: Match, at: datetime, key: str) -> None:
        self.desk = desk
        self.mail = mail
        self.kind = kind
        self.match = match
        self.at = at
        self.key = key

    @property
    def _message_id(self) -> str:
        """What the message is called; others may be called the same."""
        return entries.clean(self.mail.message_id or self.mail.key)

    def decision(self) -> Decision:
        """The decision, by the kind of message."""
        if self.match.ours:
            return self._ours()
        # Mail programs that opt out for somebody may call that automatic; reports only quote what we sent.
        token = self.desk.token(self.mail) if self.kind.name not in ("bounce", "complaint", "receipt") else None
        if token is not None:
            return self._by_token(*token)
        if self.kind.name in ("bounce", "complaint", "receipt"):
            return self._report()
        asked = self.desk.confirmation(self.mail) if self.kind.name in ("reply", "opt-out") else None
        if asked is not None:
            return self._answer(*asked)
        if not self.match.customers:
            return self._decided(NOBODY)
        if len(self.match.customers) > 1:
            return self._unclear()
        makers = {"auto-reply": self._automatic, "opt-out": self._opt_out, "list": self._list}
        return makers.get(self.kind.name, self._human)()

    def _decided(self, verdict: str, **more: object) -> Decision:
        return Decision(self.kind.name, verdict, self.at, self.mail.subject, self.match.how, **more)  # type: ignore[arg-type]

    def _ours(self) -> Decision:
        if self.match.how == "copy" or not self.match.customers or self.kind.name not in ("reply", "opt-out"):
            return self._decided(OWN if self.match.how == "copy" else NOBODY)
        text = entries.of_mail(self.mail, self.kind.text)
        written = tuple(self._entry(who, "email", text, direction="out") for who in self.match.customers)
        return self._decided(FILED, entries=written)

    def _entry(self, customer: str, type_: str, text: str, outcome: str = "", **more: str) -> Entry:
        external: RawMap = {"message-id": self._message_id}
        if self.match.send is not None:
            external["send"] = self.match.send.sid
        external.update({name: value for name, value in more.items() if name == "back" and value})
        data: RawMap = {
            "id": "",
            "at": entries.stamp(self.at),
            "type": type_,
            "direction": more.get("direction", "in"),
            "text": text,
            "outcome": outcome,
            "campaign": self.desk.campaign(self.match.send),
            "source": "mail",
            "external": external,
        }
        # All that clones could disagree about decides the id: joining them finds one entry or two, never a question.
        said = (f"{name}={data[name]}" for name in ("at", "type", "direction", "text", "outcome"))
        data["id"] = entries.same_id(self.at, "mail", self.mail.key, customer, *said)
        return Entry(customer, {name: value for name, value in data.items() if value})

    def _task(self, what: str, customer: str = "", notes: str = "", *, days: int = 1) -> Task:
        key = entries.digest(self.key, notes, entries.next_day(self.at, days))
        return Task(key, what, customer, notes, self.at, days, {"message-id": self._message_id})

    def _facts(self, event: str, about: Mapping[str, str | int] | None = None) -> tuple[Fact, ...]:
        if self.match.send is None:
            return ()
        weak: dict[str, str | int] = {"weak": 1} if self.match.how == "recent" else {}
        fact = Fact(
            event,
            self.match.send,
            entries.digest(self.key)[:32],
            {"on": entries.utc_day(self.at), **weak, **(about or {})},
        )
        return () if self.desk.is_told(fact) else (fact,)

    # Words of people

    def _answer(self, token: str, who: str) -> Decision:
        """An answer to the question whether somebody agrees: a yes only by themselves, where nothing may be a no."""
        themselves = self.desk.is_of(who, self.mail.sender)
        self.match = self.match._replace(customers=(who,), how="token")
        if self.kind.name == "opt-out":
            return self._opt_out()
        if self.kind.doubt or not themselves or not optout.agrees(self.kind.text):
            self.kind = self.kind._replace(doubt=self.kind.doubt or ("answer" if themselves else "stranger"))
            return self._human()
        return self._human()._replace(confirmed=(Confirmed(token, self.at),))

    def _doubts(self, who: str) -> tuple[Task, ...]:
        """The follow-up for today in which a person reads what no program should decide."""
        doubt = self.kind.doubt or ("cut" if self.mail.cut else "")
        notes = entries.clean(self.mail.subject)
        if doubt == "stranger":
            notes = f"From: {entries.clean(self.mail.sender)}\nSubject: {notes}"
        return (self._task(_DOUBTS[doubt], who, notes, days=0),) if doubt in _DOUBTS else ()

    def _human(self) -> Decision:
        who = self.match.customers[0]
        text = entries.of_mail(self.mail, self.kind.text)
        outcome = ""
        if self.kind.answers:
            event = self.kind.answers[0]
            said = next((one.answer for one in event.people if one.answer), "answered")
            outcome = f"invitation {said}"
            about = entries.clean(event.summary)
            text = f"{text}\n\nInvitation {said}{f': {about}' if about else ''}".strip()
        written = (self._entry(who, "email", text, outcome),)
        tasks = self._doubts(who)
        if not tasks and self.at == entries.UNDATED:
            tasks = (self._task(_WITHOUT_DATE, who, entries.clean(self.mail.subject)),)
        return self._decided(FILED, entries=written, tasks=tasks, facts=self._facts("reply"))

    def _opt_out(self) -> Decision:
        who, scope = self.match.customers[0], self.desk.scope(self.match.send)
        text = entries.of_mail(self.mail, self.kind.text)
        asked = self.desk.opt_out(self.mail, who, self.mail.sender, scope)
        written = (self._entry(who, "email", text, "opt-out"),)
        facts, tasks = self._facts("unsub"), self._doubts(who)
        return self._decided(FILED, entries=written, tasks=tasks, facts=facts, opt_outs=(asked,))

    def _by_token(self, who: str, scope: str, send: Send | None) -> Decision:
        """An opt-out by a token of ours, whoever wrote it: the token proves it, the sender proves nothing."""
        self.kind = self.kind._replace(name="opt-out")
        self.match = self.match._replace(customers=(who,) if who else (), send=send, how="token")
        text = entries.of_mail(self.mail, self.kind.text)
        written = (self._entry(who, "email", text, "opt-out"),) if who else ()
        asked = self.desk.opt_out(self.mail, who, "" if who or send is None else send.to, scope)
        return self._decided(FILED, entries=written, facts=self._facts("unsub"), opt_outs=(asked,))

    def _unclear(self) -> Decision:
        if self.kind.name in ("list", "auto-reply"):
            return self._decided(NOBODY)
        notes = [
            f"From: {entries.clean(self.mail.sender)}",
            f"Subject: {entries.clean(self.mail.subject)}",
            f"Several customers have this address: {', '.join(self.match.customers)}",
        ]
        if self.kind.name == "opt-out":
            notes.append("It asks for no more mail; that has been honoured for the address.")
        task = self._task("Say whose mail it is", "", "\n".join(notes))
        asked = self.desk.opt_out(self.mail, "", self.mail.sender, "all")
        return self._decided(UNCLEAR, tasks=(task,), opt_outs=(asked,) if self.kind.name == "opt-out" else ())

    # Words of machines

    def _automatic(self) -> Decision:
        who, automatic = self.match.customers[0], self.kind.automatic
        assert automatic is not None
        back = automatic.back.isoformat() if automatic.back else ""
        outcome = "auto-reply" + (f", back {back}" if back else "")
        tasks: tuple[Task, ...] = ()
        if automatic.by_text:
            what = "Read a mail: it says that they are away, and may say more"
            tasks = (self._task(what, who, entries.clean(self.mail.subject), days=0),)
        if automatic.left:
            what = "Find out who follows: an automatic reply says that they have left"
            tasks = (self._task(what, who, entries.clean(self.mail.subject)),)
            outcome = "auto-reply, has left"
        text = entries.of_mail(self.mail, entries.shorter(self.kind.text, 2_000))
        entry = self._entry(who, "note", text, outcome, back=back)
        about: dict[str, str | int] = {"until": back} if back else {}
        return self._decided(FILED, entries=(entry,), tasks=tasks, facts=self._facts("autoreply", about))

    def _list(self) -> Decision:
        text = entries.of_mail(self.mail, entries.shorter(self.kind.text, 2_000))
        return self._decided(FILED, entries=(self._entry(self.match.customers[0], "note", text, "mailing list"),))

    def _report(self) -> Decision:
        send = self.match.send
        if send is None:
            return self._decided(FOREIGN)
        if self.kind.complaint is not None:
            return self._complaint(send)
        if self.kind.bounce is not None:
            return self._bounce(send, self.kind.bounce)
        return self._decided(NOTED)

    def _complaint(self, send: Send) -> Decision:
        assert self.kind.complaint is not None
        facts = self._facts("complain", {"why": self.kind.complaint.type})
        who = next(iter(self.match.customers), "")
        bad = (Bad(who, self.desk.addresses(who, send), "complaint", "feedback report"),)
        if not who:
            return self._of_nobody(facts, bad)
        text = f"They told their mail provider that our message is {self.kind.complaint.type}."
        task = self._task("Look into a complaint about our mail", who, "They get no more promotion.", days=0)
        entry = self._entry(who, "note", text, "complaint")
        return self._decided(FILED, entries=(entry,), tasks=(task,), facts=facts, bad=bad)

    def _bounce(self, send: Send, bounce: bounces.Bounce) -> Decision:
        how, worst = bounce.how, bounce.worst
        if how in (bounces.DELAYED, bounces.DELIVERED):
            return self._decided(NOTED)
        about: dict[str, str | int] = {"why": how, "status": worst.status, "by": bounce.by}
        facts = self._facts("bounce", {name: value for name, value in about.items() if value})
        who = next(iter(self.match.customers), "")
        source = ""
        if how == bounces.HARD:
            source = f"bounce {worst.status}".strip()
        elif how == bounces.SOFT and self.desk.is_third(send, self.at):
            source = f"{SOFT_MOST} soft bounces in {SOFT_DAYS} days"
        bad = (Bad(who, self.desk.addresses(who, send), "hard-bounce", source),) if source else ()
        if not who:
            return self._of_nobody(facts, bad)
        said = entries.clean(" ".join(part for part in (worst.status, worst.said) if part))
        text = f"Our message came back. {said}".strip()
        return self._decided(FILED, entries=(self._entry(who, "note", text, f"{how} bounce"),), facts=facts, bad=bad)

    def _of_nobody(self, facts: tuple[Fact, ...], bad: tuple[Bad, ...]) -> Decision:
        """What came back for somebody who is gone from the book: there is no history, but the address is known."""
        # The ledger may know it from a run that was killed before the address was closed.
        if facts or any(not self.desk.is_closed(one.addresses, one.why) for one in bad):
            return self._decided(FILED, facts=facts, bad=bad)
        return self._decided(KNOWN)
