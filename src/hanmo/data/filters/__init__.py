"""The filters of the report's seven stages (section 3.2): measures of one picture, without thresholds."""
