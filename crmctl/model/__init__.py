"""What a record is: kinds, fields, values, ids, money, dates, validation. Pure: no file, no clock, no terminal."""

from __future__ import annotations
