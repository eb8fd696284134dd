"""Programs that were written for plain streams, each in an environment of its own, on sealed ones: the same bits.

$ python -m fuzz.old_loaders              # what is installable, into build/old_loaders
$ python -m fuzz.old_loaders --write      # and the page conformance/OLD_LOADERS.md
"""
