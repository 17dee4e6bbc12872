"""Door controllers and readers, one file each."""
