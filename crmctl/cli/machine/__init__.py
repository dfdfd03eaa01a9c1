"""This machine: mail's ways out, keys, completion, help."""
