"""The team and the past: syncing, questions, history, undo."""
