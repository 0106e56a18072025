"""The HTTP interface: ``/api/v1``, beside the faces for people, over the same chat."""
