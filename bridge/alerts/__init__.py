"""Telling people and machines of breaks: what was stored with a run is sent until its channel has taken it."""
