"""What is kept and shown after the fact: certificates here; accounting entries and disclosures beside them."""
