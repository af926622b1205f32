"""TFLite runtimes: which there are (``runtimes``), the one that runs a model (``interpreter``), and
its numbers on the way in (``feed``) and out (``scores``).
"""
