"""What every test shares: one derandomised hypothesis profile, so that CI fails the same way twice."""

from hypothesis import HealthCheck, settings

settings.register_profile("emotalk", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("emotalk")
