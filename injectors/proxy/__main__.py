"""`python -m injectors.proxy`."""

import sys

from injectors.proxy.cli import main

sys.exit(main(sys.argv[1:]))
