"""The socket over which people on this machine talk to the running daemon: JSON lines, and the kernel's word for who they are."""
