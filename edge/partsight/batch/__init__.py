"""Classifies many images in parallel and in order, and resumes stopped runs."""
