"""Image files and their pixels: decoding, preprocessing, encoding, overlays."""
