"""The folder of a training run: what it contains and what it was made from."""
