"""How to add what is missing, in the words that are typed here.

They never let a registry look up the name `emotalk`: what it finds there may be a stranger's. They name the place that
this installation came from or, where that is gone, the libraries that the extra stands for.
"""

import json
import re
import shlex
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

_PACKAGE = "emotalk"


def how_to_install(extra: str) -> str:
    """The command that adds an extra of this package to the environment of this interpreter."""
    package = distribution(_PACKAGE)
    return pip_install(*_source(package, extra) or _requirements(package, extra))


def pip_install(*words: str) -> str:
    """`pip install` by this interpreter, quoted for a shell."""
    return shlex.join([sys.executable, "-m", "pip", "install", *words])


def _source(package: Distribution, extra: str) -> list[str]:
    """Where pip says that it took the package from (PEP 610); empty where that is unknown or gone."""
    origin = json.loads(package.read_text("direct_url.json") or "{}")
    parts = urlsplit(origin.get("url", ""))
    if parts.scheme != "file":
        return []
    path = url2pathname(parts.path)
    if not Path(path).exists():
        return []
    return [*["-e"] * origin.get("dir_info", {}).get("editable", False), f"{path}[{extra}]"]


def _requirements(package: Distribution, extra: str) -> list[str]:
    of_extra = re.compile(rf"""extra\s*==\s*["']{re.escape(extra)}["']""")
    split = (each.partition(";") for each in package.requires or ())
    return [name.strip() for name, _, marker in split if of_extra.search(marker)]
