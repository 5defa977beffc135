"""Files of disks, as short as they can be."""

RAW = bytes(510) + b"\x55\xaa" + bytes(512)
VMDK = b"KDMV" + bytes(1020)
QCOW2 = b"QFI\xfb" + bytes(1020)
