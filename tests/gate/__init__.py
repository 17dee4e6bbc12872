"""Gates alive: readings in, orders and events out."""
