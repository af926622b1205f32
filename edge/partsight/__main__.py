"""``python -m partsight``."""

from partsight.cli.main import main

main(prog_name="partsight")
