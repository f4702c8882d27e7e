"""Values that users give: each renders another chart."""

from collections.abc import Mapping
from typing import Any

from tests.deploy.helm import merged

Values = Mapping[str, Any]

_KEDA: Values = {"workers": {"keda": {"enabled": True, "minReplicas": 0, "maxReplicas": 8}}}
_NAMED: Values = {"workers": {"kind": "StatefulSet", "replicas": 3, "drainSeconds": 5}}
_TLS: Values = {"servers": {"tls": {"secret": "face-tls"}, "tokens": {"secret": "face-tokens"}}}
_MUTUAL: Values = {"servers": {"tls": {"secret": "face-tls", "clientCaSecret": "clients", "probeSecret": "probe"}}}
_SASL: Values = {
    "kafka": {
        "tls": {"enabled": True, "caSecret": "kafka-ca", "certSecret": "kafka-user"},
        "sasl": {"mechanism": "SCRAM-SHA-512", "secret": "kafka-user"},
        "config": {"secret": "kafka-more"},
        "options": {
            "client.dns.lookup": "use_all_dns_ips",
            "socket.keepalive.enable": True,
            "metadata.max.age.ms": 1e6,
        },
    }
}
_WATCHED: Values = {
    "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}, "rules": {"enabled": True}},
    "tracing": {"endpoint": "http://collector.tracing:4317"},
}
_FENCED: Values = {
    "networkPolicy": {
        "clients": [{"namespaceSelector": {"matchLabels": {"team": "avatars"}}}],
        "monitoring": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
        "kafka": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
        "kafkaPorts": [9094],
    }
}
_PLACED: Values = {
    each: {
        "nodeSelector": {"pool": "cpu"},
        "tolerations": [{"key": "cpu", "operator": "Exists"}],
        "podAnnotations": {"note": "yes"},
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "disruptions": {"maxUnavailable": "25%"},
    }
    for each in ("servers", "workers")
}
_WEIGHTS: Values = {"checkpoint": {"volume": {"persistentVolumeClaim": {"claimName": "weights", "readOnly": True}}}}
_DOORS: Values = {
    "servers": {
        "a2f": {"enabled": True},
        "web": {"hosts": ["face.example.org"], "origins": ["https://avatars.example"]},
        "autoscaling": {"enabled": True},
        "service": {"type": "LoadBalancer", "annotations": {"a": "b"}},
    }
}
_SETTINGS: Values = {
    "settings": {
        "max_waiting": 1_000_000,
        "reflection": False,
        "log_format": "json",
        "hang_seconds": 0.5,
        "gains": {"jawOpen": 1.2, "mouthClose": 0.9},
    }
}
_BARE: Values = {
    "servers": {"web": {"enabled": False}, "disruptions": {"enabled": False}, "drainSeconds": 0, "preStopSeconds": 0},
    "workers": {"disruptions": {"enabled": False}, "drainSeconds": 0},
    "networkPolicy": {"enabled": False},
    "serviceAccount": {"create": False},
}
_IMAGE: Values = {
    "image": {"repository": "registry.example/face", "digest": f"sha256:{'0' * 64}", "pullSecrets": ["pull"]},
    "fullnameOverride": "speaking-face",
    "podSecurityContext": {"runAsUser": 1234, "fsGroup": 1234},
    "extraEnv": [{"name": "OMP_NUM_THREADS", "value": "1"}],
}


def _all(*several: Values) -> Values:
    whole: dict[str, Any] = {}
    for each in several:
        whole = merged(whole, each)
    return whole


MATRIX: Mapping[str, Values] = {
    "defaults": {},
    "bare": _BARE,
    "keda": _KEDA,
    "keda with names and Kafka's security": _all(_KEDA, _NAMED, _SASL),
    "names": _NAMED,
    "tls and tokens": _TLS,
    "mutual tls": _all(_MUTUAL, _DOORS),
    "sasl without tls": {"kafka": {"sasl": {"mechanism": "PLAIN", "secret": "kafka-user"}}, **_KEDA},
    "keda with rights of its own": {
        "kafka": {"prefix": "staging.", "maxMessageMib": 8, "config": {"secret": "oauth"}},
        "workers": {"keda": {"enabled": True, "authentication": "kafka-oauth"}},
    },
    "watched and fenced": _all(_WATCHED, _FENCED, _SETTINGS),
    "weights": _all(_WEIGHTS, _PLACED),
    "everything": _all(
        _KEDA, _NAMED, _MUTUAL, _TLS, _SASL, _WATCHED, _FENCED, _PLACED, _WEIGHTS, _DOORS, _SETTINGS, _IMAGE
    ),
}

REFUSED: tuple[tuple[Values, tuple[str, ...]], ...] = (
    ({"kafka": {"servers": []}}, ("kafka.servers", "no broker is named", "--set kafka.servers=")),
    ({"kafka": {"servers": ["kafka"]}}, ("/kafka/servers/0", "does not match pattern")),
    ({"kafka": {"servers": "kafka:9092"}}, ("/kafka/servers", "got string, want array")),
    ({"kafka": {"prefix": "stag ing"}}, ("/kafka/prefix", "does not match pattern")),
    ({"kafka": {"maxMessageMib": 100}}, ("/kafka/maxMessageMib", "want 65")),
    ({"kafka": {"options": {"sasl.password": "hunter2"}}}, ("kafka.options: sasl.password", "kafka.config.secret")),
    ({"kafka": {"sasl": {"mechanism": "PLAIN"}}}, ("kafka.sasl.secret", "Name it")),
    ({"kafka": {"sasl": {"secret": "user"}}}, ("kafka.sasl.mechanism", "Use PLAIN")),
    ({"kafka": {"sasl": {"mechanism": "MAGIC", "secret": "user"}}}, ("/kafka/sasl/mechanism", "SCRAM-SHA-512")),
    ({"kafka": {"tls": {"caSecret": "ca"}}}, ("kafka.tls.enabled", "Set it to true")),
    ({"servers": {"replicas": "two"}}, ("/servers/replicas", "got string, want integer")),
    ({"servers": {"replica": 2}}, ("/servers", "'replica' not allowed")),
    ({"servers": {"drainSeconds": -1}}, ("/servers/drainSeconds", "got -1, want 0")),
    ({"servers": {"tls": {"clientCaSecret": "ca"}}}, ("servers.tls.secret", "mutual TLS")),
    ({"servers": {"tls": {"secret": "t", "clientCaSecret": "ca"}}}, ("servers.tls.probeSecret", "probes")),
    (
        {"servers": {"autoscaling": {"enabled": True, "minReplicas": 9}}},
        ("servers.autoscaling.minReplicas", "Lower it"),
    ),
    ({"workers": {"kind": "DaemonSet"}}, ("/workers/kind", "StatefulSet")),
    ({"workers": {"replicas": 9}}, ("kafka.partitions", "9 workers share 8 partitions", "Raise it to 9")),
    ({"workers": {"keda": {"enabled": True, "minReplicas": 9}}}, ("workers.keda.minReplicas", "Lower it")),
    (
        {"workers": {"keda": {"enabled": True, "fallback": {"replicas": 9}}}},
        ("workers.keda.fallback.replicas", "Lower it"),
    ),
    ({"workers": {"keda": {"enabled": True, "maxReplicas": 20}}}, ("kafka.partitions", "20 workers")),
    ({"settings": {"max_waitin": 5}}, ("/settings", "'max_waitin' not allowed")),
    ({"settings": {"port": 5}}, ("/settings", "'port' not allowed")),
    ({"settings": {"kafka_sasl_password": "x"}}, ("/settings", "'kafka_sasl_password' not allowed")),
    ({"settings": {"max_receive_mib": 66}}, ("/settings/max_receive_mib", "want 65")),
    ({"settings": {"log_level": "loud"}}, ("/settings/log_level", "warning")),
    ({"settings": {"reflection": "no"}}, ("/settings/reflection", "want boolean")),
    ({"checkpoint": {"file": "a/b"}}, ("/checkpoint/file", "does not match pattern")),
    ({"image": {"digest": "abc"}}, ("/image/digest", "does not match pattern")),
    ({"tracing": {"endpoint": "collector:4317"}}, ("/tracing/endpoint", "does not match pattern")),
    ({"worker": {}}, ("'worker' not allowed",)),
)
