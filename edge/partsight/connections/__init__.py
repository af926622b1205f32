"""The only imports of network libraries; their errors are mapped to partsight's."""
