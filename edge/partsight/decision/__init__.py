"""From scores to a verdict: accept, reject or review."""
