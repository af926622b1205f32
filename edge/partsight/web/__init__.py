"""The HTTP endpoint of the line: health, readiness and metrics."""
