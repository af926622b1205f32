"""Results of a run for TensorBoard: ``summaries``, and the embedding of ``projector``."""
