"""Tell the centre: topics, messages, delivery, acknowledgements, and the reference receiver."""
