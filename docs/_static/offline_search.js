// A page that is read from a disk may not fetch the others for excerpts: the search then lists them without.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
