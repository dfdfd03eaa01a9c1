"""git's pre-commit hook: staged records are checked, all problems shown, and the commit held up if there are any."""

from __future__ import annotations

import sys
from pathlib import Path

from crmctl import errors
from crmctl.errors import CrmError
from crmctl.render.text import safe


def main(here: Path | None = None) -> int:
    """Check what is staged in the repository around ``here`` (the present folder); 0 lets the commit go on."""
    from crmctl.services.checking.staged import check_staged

    try:
        report = check_staged(here or Path.cwd())
    except CrmError as error:
        _say(f"crmctl: {error.message}")
        _say("hint: " + (error.hint or "To commit unchecked: git commit --no-verify"))
        return error.code
    for problem in report.problems:
        _say(str(problem))
        if problem.hint:
            _say(f"  hint: {problem.hint}")
    if not report.problems:
        return errors.OK
    count = len(report.problems)
    what = "1 problem" if count == 1 else f"{count:,} problems"
    _say(f"crmctl: not committed, {what} (to commit anyway: git commit --no-verify)")
    return errors.FAILED


def _say(text: str) -> None:
    sys.stderr.write(safe(text) + "\n")


if __name__ == "__main__":
    sys.exit(main())
