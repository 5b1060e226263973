"""Home: the tour for a first visitor, and what is measured of the bundled model."""
