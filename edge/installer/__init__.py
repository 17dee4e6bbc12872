"""What an installer asks of a gate on one visit: what is there (discover), and is it right (doctor)."""
