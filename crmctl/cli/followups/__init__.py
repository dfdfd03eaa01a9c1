"""Follow-ups and sequences."""
