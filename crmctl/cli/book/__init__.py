"""The book itself: making, checking, mending, its hooks."""
