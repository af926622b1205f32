"""What TensorBoard shows of a run: ``summaries``, and the embedding of ``projector``."""
