"""A record as it stands in its file: texts, lists and maps of texts. What a text means is the schema's business."""

from __future__ import annotations

from typing import TypeAlias

Raw: TypeAlias = str | list["Raw"] | dict[str, "Raw"]
RawMap: TypeAlias = dict[str, Raw]
