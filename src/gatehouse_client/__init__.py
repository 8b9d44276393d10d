"""What a service that calls Gatehouse installs beside the stubs."""
