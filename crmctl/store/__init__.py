"""Plain files: layout, strict YAML and JSON Lines, canonical writing, careful editing, lock and transaction."""
