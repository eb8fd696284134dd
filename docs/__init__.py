"""The published site: `pages` are written by hand, `generators` make the others, `explorer` runs in the browser."""
