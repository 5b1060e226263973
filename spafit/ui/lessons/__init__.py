"""The Lesson page: a lesson's text beside the real app, and what its reader has done."""
