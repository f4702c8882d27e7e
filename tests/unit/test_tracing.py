"""Where nobody traces, nothing of OpenTelemetry is loaded and nothing is written down."""

import subprocess
import sys

import pytest

from emotalk import tracing
from emotalk.errors import ConfigurationError

NOBODY = """
import sys, asyncio
import emotalk.cli.main, emotalk.client
from emotalk import tracing
brought = {"traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}
with tracing.span("one", kind="server", parent=brought), tracing.open_apart("two") as sent:
    tracing.record_past("three", 0.0)
    tracing.fail(ValueError("four"))
    assert sent == {} and tracing.make_headers() == {}
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


def test_without_opentelemetry_in_the_process_nothing_is_loaded_and_nothing_sent_along() -> None:
    done = subprocess.run([sys.executable, "-c", NOBODY], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_asked_for_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.grpc.trace_exporter", None)
    with pytest.raises(ConfigurationError, match=r"-m pip install .*\[otel\]"), tracing.send_spans("emotalk-server"):
        pass
