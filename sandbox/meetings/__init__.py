"""What calendars that people book on have in common: free times, bookings on a shelf, the pages to click on."""
