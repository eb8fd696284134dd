"""What a disk holds when the power fails: whole runs recorded, and every state replayed in which they can end."""
