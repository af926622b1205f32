"""The models of a device: kept by digest, examined before they are put in force, swapped."""
