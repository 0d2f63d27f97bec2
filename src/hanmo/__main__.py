"""`python -m hanmo` is `hanmo`."""

import sys

from hanmo.cli.main import main

sys.exit(main())
