"""Hardware: readings up, orders down; knows nothing of tenants or rules."""
