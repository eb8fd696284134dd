"""Wing 6: what users call: open, load, save, scan, convert, verify, salvage, the trainers' class."""
