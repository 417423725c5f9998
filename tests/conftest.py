"""Hypothesis profiles: a sample in every run, the whole argument space in the long one."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("sample", max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("long", max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "sample"))
