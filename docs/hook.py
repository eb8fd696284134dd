"""What mkdocs calls when it builds the site."""
