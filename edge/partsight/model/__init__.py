"""Facts in a model file: contract, signature, zip tail, third-party models."""
