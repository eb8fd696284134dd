"""The judge judged: wrong readers and writers, each the reference with one thing changed, which the suite has to
catch."""
