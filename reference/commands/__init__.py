"""Wing 8: the command lines: parsing and printing, and no logic."""
