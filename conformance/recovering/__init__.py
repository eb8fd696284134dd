"""The judge's own reader of deltas (chapter 10), by which a writer of deltas is judged.

Written from the specification and RFC 8878 alone, without any library: the judge owes nothing to the judged. It is made
for the files of the corpus, which are held in memory.
"""
