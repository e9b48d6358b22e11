"""What holds for all tests: examples that hypothesis makes up may take their time, since the machine may be busy with others."""

from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
