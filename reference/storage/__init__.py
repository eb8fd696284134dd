"""Wing 2: places: local files, outputs that appear whole, threads, progress."""
