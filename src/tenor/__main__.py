"""``python -m tenor``: the command, of the Python that is named."""

import sys

from tenor.cli import main

if __name__ == "__main__":
    sys.exit(main())
