"""What is kept: one database file, the folder's lock, jobs."""
