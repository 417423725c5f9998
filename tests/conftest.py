"""Hypothesis profiles: a sample in every run; in the long one four tests draw 2,000 geometries between them."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("sample", max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("long", max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "sample"))
