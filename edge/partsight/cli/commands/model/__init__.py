"""``partsight model``: a module per subcommand, or per few that belong together."""

from partsight.cli.commands.model.group import command

__all__ = ["command"]
