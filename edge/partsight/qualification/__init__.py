"""May this model run on this machine: signature, isolated trial, golden samples, acceptance set."""
