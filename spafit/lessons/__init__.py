"""Lessons: a Markdown file that a teacher can copy and change, as pages of text, tasks and conditions. No streamlit."""
