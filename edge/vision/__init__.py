"""Who is in view? A worker process of its own: capture, detect, track, choose, embed; only sightings leave it."""
