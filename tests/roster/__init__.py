"""The roster: sheets, people, and what is kept of them."""
