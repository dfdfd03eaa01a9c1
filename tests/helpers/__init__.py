"""What tests share: golden files, and a small book that is written and read like a person's."""
