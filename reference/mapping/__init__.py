"""Maps: the names and layouts of one model in two programs, declared as a table and applied in either direction."""
