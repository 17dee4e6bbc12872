"""Tell the centre."""
