"""``python -m edgectl``."""

import sys

from edgectl.main import main

sys.exit(main())
