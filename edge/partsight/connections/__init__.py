"""The only imports of network libraries; their errors become partsight's."""
