"""``python -m partsight``."""

from partsight.cli import main

main(prog_name="partsight")
