"""The conformance suite: a corpus of valid and invalid files, and a runner that judges any reader or writer by it.

Nothing here imports `reference`: the judge owes nothing to the judged.
"""

VERSION = "1.0.0"  # of the corpus and the protocol; the format's versions are those of `spec/`
NEWEST = "2.0"  # version of the specification, by which our own readers and writers are judged
