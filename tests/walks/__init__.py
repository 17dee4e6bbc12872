"""Whole stories on the whole system: real wire formats on ptys, a real journal, a real broker, the reference receiver."""
