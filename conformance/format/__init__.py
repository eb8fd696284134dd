"""The format as data (`spec/1.0/format.toml`, `spec/2.0/format.toml`), and what is made of it."""
