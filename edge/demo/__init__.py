"""An evening at a simulated gate: the real daemon, real wire formats over ptys, a real broker, and the events as they come back."""
