"""How the line is: counted and timed by ``vitals``, shown to people and machines by the rest."""
