"""The kinds of records that every book has, each declared once.

A new kind is one more declaration here, or in a book's ``crm.yaml`` (see ``schema``).
"""

from __future__ import annotations

from crmctl.model.fields import Field
from crmctl.model.fields import Kind

CHANNELS = ("email", "phone", "sms", "letter", "visit")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_ID = Field("id", "id", help="identity, a ULID; filled in at the first write")
_TAGS = Field("tags", shape="list", option="--tag", search=True, help="words to filter by", aliases=("tag",))
_NOTES = Field("notes", "note", search=True, help="free text")
_OWNER = Field("owner", "ref", kind="member", option="--owner", help="member of the team who looks after it")
_CUSTOMER = Field("customer", "ref", kind="customer", required=True, option="--customer", help="whom it is about")
_CURRENCY = Field("currency", "currency", option="--currency", help="ISO 4217 code; the book's when absent")
_EXTERNAL = Field("external", shape="map", help="ids in other systems, by system: {cdnow: '00001'}")
_ADDRESS = Field(
    "address",
    "group",
    help="postal address",
    fields=(
        Field("street", "note", help="street and number, may have several lines"),
        Field("postal_code", help="ZIP or postal code, as written"),
        Field("city", search=True),
        Field("region", help="state, province or county"),
        Field("country", "country", option="--country", help="country, ISO 3166 code or English name"),
    ),
)
_LINES = Field(
    "lines",
    "group",
    shape="list",
    key="product",
    help="what it consists of",
    fields=(
        Field("product", "ref", kind="product"),
        Field("text", help="what it says on the bill"),
        Field("quantity", "number", help="1 when absent"),
        Field("price", "money", currency="currency", help="price of one, in the record's currency"),
    ),
)
_CONSENT = Field(
    "consent",
    "group",
    shape="map",
    merge="tighten",
    help="what they agreed to, by purpose",
    fields=(
        Field("state", "choice", required=True, choices=("granted", "withdrawn", "objected", "erased")),
        Field("basis", "choice", choices=("consent", "soft-opt-in", "contract", "legal", "legitimate-interest")),
        Field("channels", "choice", shape="list", choices=CHANNELS, help="all channels when absent"),
        Field("date", "date", help="day it was given or taken back"),
        Field("how", help="form, phone call, paper ..."),
        Field("evidence", help="where the proof is"),
        Field("wording", help="what they were told"),
        Field("follows", help="the withdrawal this grant came after: its state and date"),
    ),
)

CUSTOMER = Kind(
    "customer",
    "customers",
    help="people and organisations",
    columns=("handle", "name", "lifecycle", "organization", "owner", "last", "next"),
    fields=(
        _ID,
        Field("name", required=True, search=True, help="as it is written on a letter"),
        Field("type", "choice", choices=("person", "organization"), option="--type"),
        Field("lifecycle", "choice", vocabulary="lifecycles", option="--lifecycle", help="how far it has come"),
        Field("first_name", search=True),
        Field("last_name", search=True),
        Field("salutation", help="how a letter greets them: 'Dear Ms Lovelace'"),
        Field("organization", "ref", kind="customer", option="--organization", help="where they work"),
        Field("role", option="--role", search=True, help="what they do there"),
        Field("emails", "email", shape="list", option="--email", search=True, aliases=("email",), help="first is main"),
        Field("phones", "phone", shape="list", option="--phone", search=True, aliases=("phone",), help="first is main"),
        Field("website", "url"),
        _ADDRESS,
        Field("language", "language", option="--language", help="ISO 639 code: the language to write in"),
        Field("timezone", "timezone", help="IANA name: Europe/Berlin"),
        Field("birthday", "date"),
        _OWNER,
        _TAGS,
        Field("source", option="--source", help="how they found us"),
        _CONSENT,
        Field(
            "do_not_contact",
            "choice",
            shape="list",
            merge="tighten",
            choices=("all", *CHANNELS),
            help="never on these channels",
        ),
        Field("cadence", "days", option="--cadence", help="stay in touch at least this often: 30d, 2w"),
        Field(
            "relations",
            "group",
            shape="list",
            key="customer",
            help="people they know",
            fields=(Field("customer", "ref", kind="customer", required=True), Field("role", help="what to them")),
        ),
        _EXTERNAL,
        _NOTES,
        Field("first", "date", derived=True, help="day of the first interaction"),
        Field("last", "date", derived=True, help="day of the last interaction"),
        Field("interactions", "integer", derived=True, help="how many interactions"),
        Field("orders", "integer", derived=True, help="how many purchases"),
        Field("spent", "money", derived=True, help="sum of purchases in the book's currency"),
        Field("open_deals", "integer", derived=True, help="deals neither won nor lost"),
        Field("open_cases", "integer", derived=True, help="cases not solved or closed"),
        Field("next", "date", derived=True, help="day the next follow-up is due"),
        Field(
            "bought", "ref", kind="product", shape="list", derived=True, help="products, names and categories bought"
        ),
    ),
)

INTERACTION = Kind(
    "interaction",
    "interactions",
    help="what happened with them",
    title="text",
    columns=("at", "customer", "type", "direction", "by", "amount", "text"),
    storage="jsonl",
    sort="at",
    fields=(
        _ID,
        Field("at", "datetime", required=True, help="when it happened"),
        Field("customer", "ref", kind="customer", derived=True, help="whom it was with"),
        Field("type", "choice", required=True, vocabulary="interaction_types"),
        Field("direction", "choice", choices=("in", "out")),
        Field("by", "ref", kind="member", help="member of the team"),
        Field("text", "note", search=True),
        Field("outcome", search=True),
        Field("minutes", "integer"),
        Field("deal", "ref", kind="deal"),
        Field("case", "ref", kind="case"),
        Field("campaign", "ref", kind="campaign"),
        Field("amount", "money", currency="currency"),
        _CURRENCY,
        _LINES,
        _TAGS,
        Field("source", help="where the entry came from"),
        _EXTERNAL,
    ),
)

DEAL = Kind(
    "deal",
    "deals",
    help="possible sales",
    columns=("handle", "name", "customer", "stage", "amount", "currency", "closes", "next_step"),
    fields=(
        _ID,
        Field("name", required=True, search=True),
        _CUSTOMER,
        Field("pipeline", "choice", vocabulary="pipelines", option="--pipeline"),
        Field("stage", "choice", vocabulary="stages", option="--stage", help="where it stands in its pipeline"),
        Field(
            "stage_log",
            "group",
            shape="list",
            merge="append",
            help="when it came to which stage",
            fields=(Field("stage", "choice", vocabulary="stages", required=True), Field("at", "date", required=True)),
        ),
        Field("amount", "money", currency="currency", option="--amount", aliases=("value",), help="what it is worth"),
        _CURRENCY,
        Field("probability", "percent", help="chance to win, 0 to 100; the stage's when absent"),
        Field("opened", "date", help="day it was first seen"),
        Field("closes", "date", option="--closes", help="day it is expected to be decided"),
        Field("closed", "date", help="day it was won or lost"),
        Field("next_step", option="--next-step", search=True),
        Field("lost_reason", search=True),
        _LINES,
        Field("campaign", "ref", kind="campaign"),
        Field("source"),
        _OWNER,
        _TAGS,
        _EXTERNAL,
        _NOTES,
        Field("status", "choice", derived=True, choices=("open", "won", "lost"), help="told from the stage"),
    ),
)

CASE = Kind(
    "case",
    "cases",
    help="requests, questions and complaints",
    columns=("handle", "name", "customer", "type", "priority", "status", "opened", "resolve_by"),
    fields=(
        _ID,
        Field("name", required=True, search=True, help="what it is about, in a line"),
        _CUSTOMER,
        Field("type", "choice", choices=("question", "request", "issue", "complaint"), option="--type"),
        Field("priority", "choice", choices=("low", "normal", "high", "urgent"), option="--priority"),
        Field(
            "status",
            "choice",
            choices=("open", "waiting", "solved", "closed"),
            option="--status",
            merge="done",
            done=("solved", "closed"),
        ),
        Field("channel", "choice", choices=("email", "phone", "chat", "visit", "web", "letter")),
        Field("product", "ref", kind="product"),
        Field("opened", "datetime", help="when it came in"),
        Field("respond_by", "datetime", help="target for the first answer"),
        Field("responded", "datetime", help="when the first answer went out"),
        Field("resolve_by", "datetime", help="target for the solution"),
        Field("resolved", "datetime", help="when it was solved"),
        Field("satisfaction", "integer", help="what they said afterwards, 1 (bad) to 5 (good)"),
        _OWNER,
        _TAGS,
        _EXTERNAL,
        _NOTES,
    ),
)

FOLLOWUP = Kind(
    "followup",
    "followups",
    help="dated promises",
    title="what",
    columns=("handle", "due", "customer", "what", "owner", "done"),
    sort="due",
    fields=(
        _ID,
        Field("what", required=True, search=True, help="what to do"),
        Field("due", "date", required=True, option="--due", help="day it is to be done"),
        Field(
            "repeat",
            "days",
            option="--repeat",
            least=1,
            most=36500,
            help="when it is done, again after: 30d, 2w, 1m, 1y",
        ),
        Field("anchor", "date", help="the day its repeats are counted from; the first due day when absent"),
        Field("leap", "choice", choices=("feb28", "mar1"), help="a 29 February in other years; feb28 when absent"),
        _CUSTOMER._replace(required=False),
        Field("done", "date", merge="done", help="day it was done; open when absent"),
        Field("outcome", search=True, merge="both"),
        Field("template", "template", help="template for whoever does it"),
        Field("sequence", "ref", kind="sequence"),
        Field("step", "integer"),
        Field("enrolment", "ref", kind="enrolment", help="whose step of a sequence it is"),
        Field("deal", "ref", kind="deal", option="--deal"),
        Field("case", "ref", kind="case", option="--case"),
        Field("campaign", "ref", kind="campaign", help="the campaign that somebody is to be called for"),
        Field("promised", "boolean", option="--promised", help="yes when the customer was told it would come"),
        _OWNER,
        _TAGS,
        _EXTERNAL,
        _NOTES,
    ),
)

_STEPS = Field(
    "steps",
    "group",
    shape="list",
    help="what is done, one after the other",
    fields=(
        Field("wait", "days", required=True, help="after the step before was done: 3d, 2w"),
        Field("business", "boolean", help="yes when the wait counts working days only"),
        Field("what", required=True, help="what to do, or what it is about"),
        Field("channel", "choice", choices=CHANNELS, help="email when there is a template; else it is a follow-up"),
        Field("template", "template"),
        Field("when", "filter", help="only for customers that match"),
        Field("approval", "choice", choices=("auto", "draft"), help="draft: you read and release it first"),
        Field("thread", "boolean", help="yes when it answers the mail before, in the same thread"),
    ),
)

SEQUENCE = Kind(
    "sequence",
    "sequences",
    help="steps of follow-ups with waits",
    columns=("handle", "name", "purpose"),
    fields=(
        _ID,
        Field("name", required=True, search=True),
        Field("purpose", "choice", vocabulary="purposes"),
        _STEPS,
        Field(
            "stop_on",
            "choice",
            shape="list",
            choices=("reply", "meeting", "purchase", "won", "lost", "opt-out", "bounce", "complaint", "colleague"),
            help="what ends it; all but colleague when absent. opt-out, bounce and complaint always do",
        ),
        Field("exclusive", "boolean", help="no when it may run beside other sequences"),
        Field("sender", help="the clone that takes its steps; the first enrolment fills it in"),
        Field("window", help="hours in which mail goes out, in the recipient's zone: 09:00-17:00"),
        Field("weekdays", "choice", shape="list", choices=WEEKDAYS, help="days on which mail goes out"),
        Field("max_lateness", "days", help="a step that is later than this is missed; 3d when absent"),
        _OWNER,
        _TAGS,
        _EXTERNAL,
        _NOTES,
    ),
)

_ENDS = (
    *("finished", "", "sequence", "owner", "lost", "won", "purchase", "meeting", "colleague", "reply", "left"),
    *("erased", "complaint", "bounce", "opt-out"),
)
"""What ended an enrolment, the strongest last: the word before the colon of its reason. Reasons in words of a person,
who stopped it by hand, stand behind "finished"."""

ENROLMENT = Kind(
    "enrolment",
    "enrolments",
    help="who is in which sequence, and how far",
    title="customer",
    columns=("handle", "customer", "sequence", "state", "reason"),
    fields=(
        _ID,
        _CUSTOMER,
        Field("sequence", "ref", kind="sequence", required=True, help="the sequence it was taken from"),
        Field(
            "state",
            "choice",
            choices=("active", "finished", "stopped"),
            merge="done",
            done=("finished", "stopped"),
            help="active when absent",
        ),
        Field("reason", merge="strongest", done=_ENDS, help="why it ended"),
        _STEPS,
        Field(
            "log",
            "group",
            shape="list",
            merge="append",
            help="when they were enrolled (step 0), and which steps were taken",
            fields=(
                Field("step", "integer", required=True),
                Field("at", "datetime", required=True),
                Field("what", required=True, help="enrolled, sent, task, letter, sms, skipped"),
                Field("ref", help="the Message-ID of a mail, or the handle of a follow-up"),
                Field("subject"),
            ),
        ),
        _OWNER,
        _TAGS,
        _EXTERNAL,
        _NOTES,
    ),
)

CAMPAIGN = Kind(
    "campaign",
    "campaigns",
    help="mail merges with an aim",
    columns=("handle", "name", "purpose", "segment", "template", "status"),
    fields=(
        _ID,
        Field("name", required=True, search=True),
        Field("purpose", "choice", vocabulary="purposes", option="--purpose", required=True, help="why we write"),
        Field("segment", "ref", kind="segment", option="--segment", help="whom it is for"),
        Field("template", "template", option="--template", help="what they get"),
        Field("channel", "choice", choices=CHANNELS, option="--channel", help="email when absent"),
        Field(
            "arms",
            "group",
            shape="list",
            help="variants that are compared",
            fields=(
                Field("name", required=True),
                Field("template", "template"),
                Field("share", "percent", help="part of the recipients"),
            ),
        ),
        Field("holdout", "percent", option="--holdout", help="part that gets nothing, to compare with"),
        Field("benefit", option="--benefit", help="what the customer has from it"),
        Field("sender", help="the machine that sends it; any: whichever claims first"),
        Field(
            "on_unknown",
            "choice",
            choices=("hold", "resend", "ask"),
            help="when a server's answer is lost",
        ),
        Field("canary", "integer", help="so many go out first, then it pauses for a look"),
        Field("window", help="hours in which it goes out, in the recipient's zone: 09:00-17:00"),
        Field("weekdays", "choice", shape="list", choices=WEEKDAYS, help="days on which it goes out"),
        Field("max_lateness", "days", help="what is later than this is missed, not sent"),
        Field("status", "choice", choices=("draft", "planned", "running", "paused", "finished", "cancelled")),
        Field("starts", "date"),
        Field("ends", "date"),
        Field("budget", "money", currency="currency"),
        Field("cost", "money", currency="currency"),
        _CURRENCY,
        _OWNER,
        _TAGS,
        _EXTERNAL,
        _NOTES,
    ),
)

SEGMENT = Kind(
    "segment",
    "segments",
    help="saved filters and fixed lists",
    columns=("handle", "name", "filter"),
    fields=(
        _ID,
        Field("name", required=True, search=True),
        Field("filter", "filter", option="--filter", help="customers that match are in it"),
        Field("customers", "ref", kind="customer", shape="list", help="these are in it, whatever the filter says"),
        _OWNER,
        _TAGS,
        _EXTERNAL,
        _NOTES,
    ),
)

PRODUCT = Kind(
    "product",
    "products",
    help="what is sold",
    columns=("handle", "name", "category", "price", "currency"),
    fields=(
        _ID,
        Field("name", required=True, search=True),
        Field("category", option="--category", search=True),
        Field("sku", option="--sku", search=True, help="article number"),
        Field("price", "money", currency="currency", option="--price"),
        Field("cost", "money", currency="currency"),
        _CURRENCY,
        Field("unit", help="piece, hour, month ..."),
        Field("active", "boolean"),
        _TAGS,
        _EXTERNAL,
        _NOTES,
    ),
)

MEMBER = Kind(
    "member",
    "members",
    help="people of the team",
    columns=("handle", "name", "title", "email", "manager"),
    fields=(
        _ID,
        Field("name", required=True, search=True),
        Field("title", option="--title"),
        Field("email", "email", option="--email", search=True),
        Field("phone", "phone", option="--phone", search=True),
        Field("manager", "ref", kind="member"),
        Field("started", "date"),
        Field("ended", "date"),
        Field("country", "country"),
        Field("language", "language"),
        Field("timezone", "timezone"),
        _TAGS,
        _EXTERNAL,
        _NOTES,
    ),
)

ARTICLE = Kind(
    "article",
    "articles",
    help="answers worth keeping",
    columns=("handle", "name", "language"),
    fields=(
        _ID,
        Field("name", required=True, search=True, help="the question it answers"),
        Field("text", "note", search=True),
        Field("language", "language"),
        Field("product", "ref", kind="product"),
        _OWNER,
        _TAGS,
        _EXTERNAL,
        _NOTES,
    ),
)

KINDS: tuple[Kind, ...] = (
    CUSTOMER,
    INTERACTION,
    DEAL,
    CASE,
    FOLLOWUP,
    SEQUENCE,
    ENROLMENT,
    CAMPAIGN,
    SEGMENT,
    PRODUCT,
    MEMBER,
    ARTICLE,
)
