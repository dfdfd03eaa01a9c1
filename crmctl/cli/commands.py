"""Which module answers to which word of the command line, and how --help groups the words."""

from __future__ import annotations

# Word: (module under crmctl.cli, name in it, short help). The help stands here so that --help imports nothing.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("book.setup", "init", "Make a new book."),
    "clone": ("team.sync", "clone", "Get a copy of a team's book."),
    "log": ("daily.log", "log", "Write down what happened with a customer."),
    "find": ("daily.find", "find", "Find anything by words, names, phones or addresses."),
    "brief": ("daily.brief", "brief", "Show one screen to read before a call."),
    "today": ("daily.today", "today", "Show what is due, who is getting cold, what is stuck."),
    "timeline": ("daily.timeline", "timeline", "Show everything that happened with a customer."),
    "report": ("daily.report", "report", "List and run reports."),
    "ingest": ("channels.ingest", "ingest", "Take in mail, calendars, call records and web forms."),
    "email": ("channels.email_query", "email", "Find e-mail addresses, for mail programs."),
    "phone": ("channels.phone", "phone", "Show the brief of whoever calls."),
    "import": ("transfer.imports", "import_", "Take in records from a file."),
    "export": ("transfer.exports", "export", "Write records out to a file."),
    "template": ("transfer.template", "template", "List, check and render templates."),
    "consent": ("channels.consent", "consent", "Show and write down what a customer agreed to."),
    "suppress": ("channels.suppress", "suppress", "Keep addresses from ever being written to."),
    "unsub": ("channels.unsub", "unsub", "Honour requests to unsubscribe."),
    "key": ("machine.key", "key", "Show, hand on and take in the book's key."),
    "mail": ("machine.mail", "mail", "Look at how mail leaves this machine, and try it."),
    "host": ("machine.host", "host", "Show which machine this is, or take another's place."),
    "schedule": ("channels.schedule", "schedule", "Have follow-ups taken by systemd or cron."),
    "outbox": ("channels.outbox", "outbox", "Show and settle single messages."),
    "sync": ("team.sync", "sync", "Bring your book and the team's together."),
    "conflicts": ("team.conflicts", "conflicts", "Show what two people changed in different ways."),
    "resolve": ("team.resolve", "resolve", "Answer a question that a merge asks."),
    "undo": ("team.undo", "undo", "Take a change back."),
    "news": ("team.past", "news", "Show what changed since you last looked."),
    "diff": ("team.past", "diff", "Show in words what changed between two moments."),
    "why": ("team.why", "why", "Show where a value comes from."),
    "batch": ("book.batch", "batch", "Run commands from a file as one change."),
    "check": ("book.check", "check", "Check every record, reference and template."),
    "fmt": ("book.check", "fmt", "Bring record files into their canonical form."),
    "history": ("team.history", "history", "Show who changed what, from git."),
    "schema": ("book.schema", "schema", "Print a kind's JSON Schema, for editors."),
    "doctor": ("book.doctor", "doctor", "Look at the book's health and the program's."),
    "hooks": ("book.hooks", "hooks", "Put git hooks in place or take them away."),
    "trust": ("book.trust", "trust", "Let a repository's own settings run programs."),
    "hook": ("book.hooks", "hook", "Entry points that git calls."),
    "completion": ("machine.completion", "completion", "Print or install shell completion."),
    "help": ("machine.help", "help_", "Show a page on filters, dates, exit codes ..."),
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
