"""Outputs that are kept as files, so that a change of what people see is seen in review.

``GOLDEN_UPDATE=1 python -m pytest ...`` writes them anew; look at the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "golden"


def golden(name: str, text: str) -> None:
    """Hold ``text`` against the golden file ``name``."""
    path = FOLDER / name
    if os.environ.get("GOLDEN_UPDATE") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    known = path.read_text(encoding="utf-8") if path.exists() else ""
    assert text == known, f"{path} says otherwise; GOLDEN_UPDATE=1 takes the new text"
