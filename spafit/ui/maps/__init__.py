"""The boundary map on the pages: what is measured of the visitor's model and task, beside what a setting costs."""
