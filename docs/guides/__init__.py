"""Runs the guides of the site, so that each command in them works and each output shown is real.

    python -m docs.guides                  # run all of them and say what differs
    python -m docs.guides convert --write  # run one, and put what came out into the page

A guide is a page of `docs/pages/guides`. Its fenced blocks are run from top to bottom in a new folder:

- `console`: each `$ ` line, with the `> ` lines under it, is run by one bash; what follows is its output. A command
  that fails has to be followed by `$ echo $?`.
- `python`: run by one Python, which keeps its names from block to block. A `text` block right under it is its output.
- any language with `title="NAME"`: saved as the file NAME.
- `diff` with `title="NAME"`: changes the file NAME, which an earlier block has saved.
- any language with `title="from FILE"`: a passage of a file of this repository, which has to stand there to the letter;
  a line of `...` leaves something out.

`<!-- not run: REASON -->` above a block leaves it alone; the tests count these. What is not
compared to the letter stands in `same.py`.
"""
