"""The one import each of the network's libraries, and where their errors become partsight's."""
