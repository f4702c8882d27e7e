"""Say what works on this machine: engines, CPU, CUDA, broker, port, doors, disk.

Exit code 0 if the default service would run.
"""

import argparse
import errno
import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from emotalk.address import Address
from emotalk.cli import flags
from emotalk.cli.exits import Exit
from emotalk.cli.port_owner import find_own_server
from emotalk.cli.settings_from_flags import load_settings
from emotalk.engines.emotalk.gpu import list_gpus
from emotalk.engines.emotalk.runtimes import RUNTIMES
from emotalk.errors import ConfigurationError, EmoTalkError, NoQueue
from emotalk.processes import parts
from emotalk.processes.state import find_state_folder
from emotalk.queues.base import Guarded
from emotalk.queues.kafka_options import describe
from emotalk.queues.urls import KAFKA
from emotalk.settings import DEFAULT_CHECKPOINT, DEFAULT_KAFKA, Settings

HELD_BYTES = 64 * 2**20
"""The log beside the embedded queue is emptied long before it is so large, unless somebody holds it."""
NEEDED_FREE = 2**30
INSTRUCTION_SETS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")
CPU_FACTS = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Finding:
    """One line of the report. `needed`: the default service does not run without it."""

    what: str
    well: bool
    text: str
    needed: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--json and what to look at."""
    flags.add(parser, "--json", action="store_true", help="for programs")
    flags.add_settings(parser, "listening", "keys", "queue", "engine", log_level="error")


def run(parsed: argparse.Namespace) -> int:
    """Look, print."""
    settings = load_settings(parsed)
    findings = [look(settings) for look in _LOOKS]
    if parsed.json:
        print(json.dumps([vars(finding) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{'ok  ' if finding.well else 'FAIL' if finding.needed else '-   '} {finding.what}: {finding.text}")
    return Exit.FAILED if any(finding.needed and not finding.well for finding in findings) else Exit.OK


def _check_versions(_: Settings) -> Finding:
    text = f"emotalk {version('emotalk')}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return Finding("versions", True, text)


def _check_cpu(_: Settings) -> Finding:
    facts = dict(_read_cpu_facts())
    flags = facts.get("flags", facts.get("Features", "")).split()
    sets = ", ".join(name for name in INSTRUCTION_SETS if name in flags)
    return Finding("cpu", True, f"{facts.get('model name', platform.machine())}, {os.cpu_count()} cores; {sets}")


def _read_cpu_facts() -> Iterator[tuple[str, str]]:
    """What Linux says of the first core; nothing elsewhere."""
    if CPU_FACTS.exists():
        for line in CPU_FACTS.read_text().partition("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            yield name.strip(), value.strip()


def _check_cuda(_: Settings) -> Finding:
    problem = RUNTIMES["cuda"].missing()
    return Finding("cuda", not problem, problem or f"{list_gpus()[0]}, for the emotalk engine")


def _check_engine(settings: Settings) -> Finding:
    try:
        card = parts.load_engine(settings).card
    except EmoTalkError as error:
        return Finding("engine", False, str(error), needed=True)
    return Finding("engine", True, f"{card.name} on {card.device}, {card.precision}; {card.licence}", needed=True)


def _check_checkpoint(_: Settings) -> Finding:
    there = DEFAULT_CHECKPOINT.is_file()
    return Finding("checkpoint", there, f"{DEFAULT_CHECKPOINT} {'is there' if there else 'is not there (optional)'}")


def _check_queue(settings: Settings) -> Finding:
    return _check_log("queue", settings, needed=True)


def _check_broker(settings: Settings) -> Finding:
    if settings.queue.startswith(KAFKA):  # looked at already, and nobody else is to hear its password
        return Finding("broker", True, describe(parts.read_kafka_options(settings)) or "no TLS, no SASL")
    if not Address.parse(DEFAULT_KAFKA).has_listener():  # Kafka's own library goes on asking for six seconds
        return Finding("broker", False, f"nobody listens at {DEFAULT_KAFKA} (optional)")
    return _check_log("broker", replace(Settings(), queue=f"kafka://{DEFAULT_KAFKA}"))


def _check_log(what: str, settings: Settings, needed: bool = False) -> Finding:
    try:
        with closing(parts.make_queue(replace(settings, partitions=0))) as queue:  # who only looks changes nothing
            queue.prepare(create=not isinstance(queue, Guarded))
            if isinstance(queue, Guarded):
                queue.check_rights()
            with closing(queue.meter()) as meter:
                room = meter.read().room
    except NoQueue as none:
        return Finding(what, True, f"{settings.queue} answers; {none}", needed)
    except EmoTalkError as error:
        return Finding(what, False, str(error), needed)
    if room and room.unmerged > HELD_BYTES:
        held = f"{room.unmerged / 2**20:.0f} MiB wait beside {queue.url}: another program holds the file open; close it"
        return Finding(what, False, held)
    return Finding(what, True, f"{queue.url} answers", needed)


def _check_port(settings: Settings) -> Finding:
    address = Address(settings.host, settings.port)
    try:
        address.bind().close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE and (running := find_own_server(settings)):
            return Finding("port", True, f"{address}: {running}", needed=True)
        return Finding("port", False, f"{address} cannot be bound ({error.strerror}); use --port", needed=True)
    return Finding("port", True, f"{address} is free", needed=True)


def _check_doors(settings: Settings) -> Finding:
    doors, held = parts.make_guard(settings), []
    try:
        if doors.tls:
            days = (doors.tls.expires_at() - time.time()) / 86_400
            held.append(f"TLS, certificate good for {days:.0f} days{', clients need one' * bool(doors.tls.client_ca)}")
        doors.credentials()
        if tokens := doors.tokens():
            held.append(f"{len(tokens)} token{'s' * (len(tokens) != 1)}")
    except ConfigurationError as error:
        return Finding("doors", False, str(error), needed=True)
    return Finding("doors", True, "; ".join(held) or "no TLS, no token: for loopback only", needed=True)


def _check_disk(_: Settings) -> Finding:
    try:
        folder = find_state_folder()
    except ConfigurationError as error:  # the queue's own line tells whether it is needed
        return Finding("disk", False, str(error))
    existing = next(path for path in (folder, *folder.parents) if os.path.exists(path))  # noqa: PTH110 - never raises
    free = shutil.disk_usage(existing).free
    return Finding("disk", free > NEEDED_FREE, f"{free / 2**30:.1f} GiB free for {folder}", needed=True)


_LOOKS: tuple[Callable[[Settings], Finding], ...] = (
    _check_versions,
    _check_cpu,
    _check_cuda,
    _check_engine,
    _check_checkpoint,
    _check_queue,
    _check_broker,
    _check_port,
    _check_doors,
    _check_disk,
)
