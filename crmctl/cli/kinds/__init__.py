"""The verbs that every kind of record has."""
