"""Leaves in a list of hashed versions what another has not: python requirements/beside.py BASE LIST"""

import re
import sys
from pathlib import Path

_EACH = re.compile(r"^[\w.-]+==.*\n(?:^ .*\n)*", re.M)

base, whole = (Path(each) for each in sys.argv[1:])
known = set(_EACH.findall(base.read_text("utf-8")))
whole.write_text("".join(each for each in _EACH.findall(whole.read_text("utf-8")) if each not in known), "utf-8")
