"""Whether somebody may be written to: consent, suppression, pressure, and how people say no."""
