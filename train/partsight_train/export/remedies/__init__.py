"""What is tried where a plain file decides otherwise than the approved model.

A remedy goes from the approved model and the recipe of a refused file to other recipes, the
likeliest first. ``remedies.remedied`` makes a file of each in turn until one passes.
"""
