"""``--engine ray``: the same rows, judged by the cores of a cluster. Needs the extra ``ray``.

    paths ─> plan ─ parts of names ─> Ray Data ─> worker, an actor a core ─> part-*.parquet
             (driver)                  (engine)    (judges, writes, reports)  (output_folder)

A part is what is judged, written and, where a worker or its machine is killed, done once more. Its
file is named by its place and content, so that a second time gives the same file, parts in the
order of their names are the rows of the local engine, and a stopped run knows what it has.
"""
