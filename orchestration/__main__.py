"""Entry of the launcher: ``python -m orchestration VERB``."""

import sys

from orchestration.cli import main

sys.exit(main())
