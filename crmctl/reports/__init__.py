"""The catalogue of reports, one portable SQL file each, and the engines that run them."""

from __future__ import annotations
