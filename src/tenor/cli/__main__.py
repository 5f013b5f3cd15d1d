"""``python -m tenor.cli``: the same as ``tenor``."""

import sys

from tenor.cli import main

sys.exit(main())
