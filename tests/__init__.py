"""Tests mirror the tree; walks/ tells whole stories."""
