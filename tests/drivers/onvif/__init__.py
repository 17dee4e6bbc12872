"""ONVIF: the client, the simulated camera, and peers that others wrote."""
