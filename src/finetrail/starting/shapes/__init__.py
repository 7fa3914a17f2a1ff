"""One file a shape of data. Nobody has named a task yet, so these and the plugs alone know kinds."""
