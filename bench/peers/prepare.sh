#!/bin/sh
# Makes the peer's own environment in .cache/peers (about 6 GB with torch's default wheel; 1.5 GB where pip is pointed
# to torch's CPU wheels). Nothing of it enters the project's environment.
set -eu
cd "$(dirname "$0")/../.."
python3 -m venv .cache/peers
.cache/peers/bin/python -m pip install --quiet --requirement bench/peers/requirements.txt
.cache/peers/bin/python -c "import torch, transformers; print('peer: torch', torch.__version__, 'transformers', transformers.__version__)"
