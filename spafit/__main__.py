"""``python -m spafit`` is the command ``spafit``."""

import sys

from spafit.cli import main

if __name__ == "__main__":
    sys.exit(main())
