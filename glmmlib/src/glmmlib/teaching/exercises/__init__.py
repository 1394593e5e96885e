"""One module per section of the course: its questions, and the mistakes each of them knows."""
