"""Model files: contract, signature, zip tail, third-party models."""
