"""Which module answers to which word of the command line, and how --help groups the words."""

from __future__ import annotations

# Word: (module under crmctl.cli, name in it, short help). The help stands here so that --help imports nothing.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("setup", "init", "Make a new book."),
    "clone": ("sync", "clone", "Get a copy of a team's book."),
    "log": ("log", "log", "Write down what happened with a customer."),
    "find": ("find", "find", "Find anything by words, names, phones or addresses."),
    "brief": ("brief", "brief", "Show one screen to read before a call."),
    "today": ("today", "today", "Show what is due, who is getting cold, what is stuck."),
    "timeline": ("timeline", "timeline", "Show everything that happened with a customer."),
    "report": ("report", "report", "List and run reports."),
    "ingest": ("ingest", "ingest", "Take in mail, calendars, call records and web forms."),
    "email": ("email_query", "email", "Find e-mail addresses, for mail programs."),
    "phone": ("phone", "phone", "Show the brief of whoever calls."),
    "import": ("imports", "import_", "Take in records from a file."),
    "export": ("exports", "export", "Write records out to a file."),
    "template": ("template", "template", "List, check and render templates."),
    "consent": ("consent", "consent", "Show and write down what a customer agreed to."),
    "suppress": ("suppress", "suppress", "Keep addresses from ever being written to."),
    "unsub": ("unsub", "unsub", "Honour requests to unsubscribe."),
    "key": ("key", "key", "Show, hand on and take in the book's key."),
    "mail": ("mail", "mail", "Look at how mail leaves this machine, and try it."),
    "host": ("host", "host", "Show which machine this is, or take another's place."),
    "schedule": ("schedule", "schedule", "Have follow-ups taken by systemd or cron."),
    "outbox": ("outbox", "outbox", "Show and settle single messages."),
    "sync": ("sync", "sync", "Bring your book and the team's together."),
    "conflicts": ("conflicts", "conflicts", "Show what two people changed in different ways."),
    "resolve": ("resolve", "resolve", "Answer a question that a merge asks."),
    "undo": ("undo", "undo", "Take a change back."),
    "news": ("past", "news", "Show what changed since you last looked."),
    "diff": ("past", "diff", "Show in words what changed between two moments."),
    "why": ("why", "why", "Show where a value comes from."),
    "batch": ("batch", "batch", "Run commands from a file as one change."),
    "check": ("check", "check", "Check every record, reference and template."),
    "fmt": ("check", "fmt", "Bring record files into their canonical form."),
    "history": ("history", "history", "Show who changed what, from git."),
    "schema": ("schema", "schema", "Print a kind's JSON Schema, for editors."),
    "doctor": ("doctor", "doctor", "Look at the book's health and the program's."),
    "hooks": ("hooks", "hooks", "Put git hooks in place or take them away."),
    "trust": ("trust", "trust", "Let a repository's own settings run programs."),
    "hook": ("hooks", "hook", "Entry points that git calls."),
    "completion": ("completion", "completion", "Print or install shell completion."),
    "help": ("help", "help_", "Show a page on filters, dates, exit codes ..."),
}
HIDDEN = frozenset({"hook"})
# How --help groups them.
SECTIONS = {
    "Every day": "log find brief today timeline report undo",
    "Mail and other channels": "ingest email phone outbox consent suppress unsub schedule",
    "In and out": "import export template",
    "Team and past": "sync conflicts resolve news diff why history",
    "The book": "init clone check fmt batch schema doctor hooks trust",
    "This machine": "mail host key completion help",
}
