"""Wing 3: kinds of files, one module for each, behind one table."""
