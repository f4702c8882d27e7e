"""python -m emotalk"""

import sys

if not sys.flags.safe_path:  # -m puts the working folder first; a queue.py there is somebody else's
    del sys.path[0]

from emotalk.cli import main

sys.exit(main())
