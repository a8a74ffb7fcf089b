"""Tables, comparisons and pages made of records."""
