"""The measures: functions that score an edit against the unedited reference."""
