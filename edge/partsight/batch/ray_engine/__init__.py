"""``--engine ray``: the same rows, computed on a cluster. Needs the extra ``ray``.

    paths ─> plan ─ chunks of names ─> Ray Data ─> worker, one actor per core ─> part-*.parquet
             (driver)                  (engine)    (classifies, writes, reports) (output_folder)

A chunk is the unit that is classified, written and, if a worker or its machine is killed, repeated.
Its file is named by its position and content. Repeating a chunk therefore gives the same file, the
files in the order of their names contain the rows of the local engine, and a stopped run can be
resumed.
"""
