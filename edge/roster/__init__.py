"""Who lives here?"""
