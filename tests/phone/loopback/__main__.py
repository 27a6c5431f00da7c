"""`python -m tests.phone.loopback`."""

import sys

from .cli import main

sys.exit(main())
