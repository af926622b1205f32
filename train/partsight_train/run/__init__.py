"""The folder of a training run: its files, and the inputs of the run."""
