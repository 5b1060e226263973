"""The bundled catalogue: ``models.json`` (configurations and their sources) and ``anatomies/`` built from them."""
