"""Sinks of the line: receivers of verdicts, each fed from the journal by its own thread."""
