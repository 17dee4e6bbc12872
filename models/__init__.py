"""Recognition: arrays in, arrays out."""
