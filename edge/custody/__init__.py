"""May we keep this? Keys, sealed files and how long they live."""
