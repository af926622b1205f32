"""The softmax head: training of its weights on features and labels.

``fit_head`` is the entry point. ``lbfgs`` minimizes the loss with SciPy, ``gradient_descent``
with the Keras objects of ``optimization``. ``temperature`` calibrates the result.
``curves`` writes the losses for TensorBoard.
"""
