"""Policy question answering: the clause that settles a question, quoted, with its departments."""
