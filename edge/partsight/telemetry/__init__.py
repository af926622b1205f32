"""Counters, gauges and states of the line, and their output: Prometheus, systemd."""
