"""The image, built by buildah on a base made by debootstrap, and run as Kubernetes does: any user, a read-only root."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.kept import kept, need
from tests.integration.test_privacy import Watched

ROOT = Path(__file__).parents[2]
NAME, BASE = "localhost/emotalk", "localhost/base"
EXTRAS = "plot"
"""The smallest: it shows that the argument works."""
ANYBODY = "54321:0"
"""As OpenShift chooses it: a number that no file knows, in root's group."""
_UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists")
_CERTIFICATES = Path("/etc/ssl/certs")
# Its own mounts; all that it may write is /tmp. The last word becomes the program itself, so that it hears signals.
_ENTER = """
mount --rbind "$1" "$1" && mount -o remount,bind,ro "$1" && mount -t tmpfs tmpfs "$1/tmp" &&
mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && cd / && user=$2 && root=$1 && shift 2 &&
exec chroot --userspec="$user" "$root" "$@"
"""


class Image:
    """A built image in a store of its own under `folder`, and its root in the file system."""

    def __init__(self, folder: Path) -> None:
        self._store = _store(folder)
        made = self.buildah("from", "--pull-never", NAME).strip()
        self.root = Path(self.buildah("mount", made).strip())

    def buildah(self, *words: str) -> str:
        """What it says."""
        return _buildah(self._store, *words)

    @property
    def config(self) -> dict[str, Any]:
        """User, command, variables."""
        return dict(json.loads(self.buildah("inspect", "--type", "image", NAME))["OCIv1"]["config"])

    @property
    def bytes(self) -> int:
        """All that it weighs, unpacked."""
        return sum(each.lstat().st_size for each in self.root.rglob("*") if not each.is_symlink())

    def words(self, *command: str) -> list[str]:
        """A command of the image as a process here, as anybody, on a read-only root."""
        variables = [*self.config["Env"], "TMPDIR=/tmp", "HOME=/tmp", "EMOTALK_WEB=yes"]
        inside = ["env", "-i", *variables, *command]
        return ["unshare", "--mount", "sh", "-c", _ENTER, "sh", str(self.root), ANYBODY, *inside]


@contextmanager
def built(folder: Path) -> Iterator[Image]:
    """The image. Skips where it cannot be built, but not in CI."""
    need(["buildah", "debootstrap", "unshare", "chroot"])
    if os.geteuid():
        pytest.skip("only root may make a base and mount it")
    store = _store(folder)
    base = kept(f"debian-{_debian()}-{platform.machine()}", _debootstrap)
    try:
        _import(store, base)
        _bud(store)
        yield Image(folder)
    finally:
        subprocess.run(["buildah", *store, "umount", "--all"], capture_output=True, check=False)
        subprocess.run(["buildah", *store, "rm", "--all"], capture_output=True, check=False)
        shutil.rmtree(folder / "store", ignore_errors=True)


def _store(folder: Path) -> Sequence[str]:
    """Layers over each other, where the kernel can; else each is a copy of the one below."""
    on = subprocess.run(["stat", "--file-system", "--format=%T", folder], capture_output=True, text=True, check=True)
    can = "overlay" in Path("/proc/filesystems").read_text() and "overlay" not in on.stdout
    places = ("--root", str(folder / "store"), "--runroot", str(folder / "run"))
    return (*places, "--storage-driver", "overlay" if can else "vfs")


def _buildah(store: Sequence[str], *words: str) -> str:
    done = subprocess.run(["buildah", *store, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def _import(store: Sequence[str], base: Path) -> None:
    made = _buildah(store, "from", "scratch").strip()
    _buildah(store, "add", "--quiet", made, str(base / "root"), "/")
    _buildah(store, "commit", "--quiet", "--rm", made, BASE)


def _bud(store: Sequence[str]) -> None:
    # Who trusts a registry by a certificate of this machine's own does so inside as well.
    mount = ["-v", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"] if _CERTIFICATES.exists() else []
    words = ["--pull-never", "--format", "docker", *mount, f"--build-arg=BASE={BASE}", f"--build-arg=EXTRAS={EXTRAS}"]
    _buildah(store, "bud", "--isolation", "chroot", *words, "-t", NAME, ".")


def _debian() -> str:
    told = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    if told.get("ID", "").strip('"') != "debian":
        pytest.skip("the base is made of the Debian that runs here")
    return told["VERSION_CODENAME"].strip('"')


def _debootstrap(folder: Path) -> None:
    """A small Debian with Python, from where this one gets its packages."""
    ask = ["apt-get", "indextargets", "--format", "$(SITE)", f"Codename: {_debian()}", "Component: main"]
    site = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split()[0]
    python = "--include=python3,python3-venv,ca-certificates"
    root = folder / "root"
    root.mkdir(mode=0o755)
    words = ["debootstrap", "--variant=minbase", python, _debian(), str(root), site]
    subprocess.run(words, check=True, capture_output=True, timeout=600)
    for each in _UNWANTED:
        shutil.rmtree(root / each, ignore_errors=True)


class Contained(Watched):
    """A command of the image, every call of which to an address is written down."""

    def __init__(self, folder: Path, image: Image, *arguments: str) -> None:
        self.entry = image.words(*image.config["Entrypoint"])
        super().__init__(folder, *arguments)


def within(image: Image, *command: str) -> "subprocess.CompletedProcess[str]":
    """A command of the image that ends."""
    return subprocess.run(image.words(*command), capture_output=True, text=True, timeout=60, check=False)
