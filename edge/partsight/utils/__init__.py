"""Helpers without knowledge of inspection: files, processes, text, time, secrets."""
