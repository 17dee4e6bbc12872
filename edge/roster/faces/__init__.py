"""Faces of tenants: whose may be used, how they came here, and what they are compared by."""
