"""CAD Trust v1: units in a data layer, written through staging and commit; their serials are checked by us alone."""
