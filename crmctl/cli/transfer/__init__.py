"""In and out: imports, exports, templates."""
