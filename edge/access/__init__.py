"""May this person pass, here, now? Pure: no I/O, no clock, no await."""
