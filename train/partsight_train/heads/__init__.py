"""The softmax head: from features and labels to weights.

``fit_head`` is the door; ``lbfgs`` goes to the minimum of the loss, ``steps`` takes the steps
that ``optimization`` describes, ``temperature`` calibrates what they find, ``curves`` shows how.
"""
