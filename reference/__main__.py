"""`python -m reference VERB`: all commands under one name."""

import sys

from .commands.verbs import main

if __name__ == "__main__":
    sys.exit(main())
