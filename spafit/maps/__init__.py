"""Maps: which settings of a series were measured, how sure their scores are, and what is still to be measured."""
