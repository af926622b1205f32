"""Classify many pictures: in parallel, in order, and from where a stopped run was."""
