"""From the float model that was approved to a file that decides as it does.

``assemble`` joins backbone and head. ``variant.make_variant`` converts (``convert``, with the
pictures of ``calibration``), chooses the operating point, compares (``gate``) and takes samples
(``golden``). ``finished_run`` finds in a run folder what that takes, and ``remedies`` are tried
where the plain file decides otherwise.
"""
