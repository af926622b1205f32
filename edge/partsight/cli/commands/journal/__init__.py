"""``partsight journal``: a module per subcommand."""

from partsight.cli.commands.journal.group import command

__all__ = ["command"]
