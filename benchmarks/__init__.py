"""This project against its peers: time and peak memory, as ratios between runs that take turns."""
