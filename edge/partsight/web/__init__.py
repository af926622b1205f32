"""The HTTP server of the line: health, readiness, metrics, and the HTTP trigger."""
