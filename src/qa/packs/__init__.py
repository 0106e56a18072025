"""Knowledge packs: documents and their index in one signed file, for offices that carry data.

    corpus/ + index/ ──write_pack──▶ FILE ──read_pack──▶ difference ──install──▶ corpus/ + index/

``keys`` says whom to trust, ``archive`` what a file has to be, ``install`` how it is put in place
and taken back.
"""
