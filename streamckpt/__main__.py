"""`python -m streamckpt VERB`: all commands under one name."""

import sys

from reference.commands.verbs import main

if __name__ == "__main__":
    sys.exit(main())
