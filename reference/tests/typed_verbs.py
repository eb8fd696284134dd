"""A verb as somebody types it, and what comes of it."""

from reference.commands import verbs


def said(capsys, *words):
    """The exit status of a verb, what it prints, and what it says."""
    status = verbs.main([str(word) for word in words])
    return status, *capsys.readouterr()
