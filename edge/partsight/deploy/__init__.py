"""Deployment on a device: machine check, systemd unit, preflight checks of a configuration."""
