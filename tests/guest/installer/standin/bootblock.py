"""Puts GRUB's two BIOS images together for one disk. Pure.

The images come from the distribution being installed (package grub2-tools): `boot.img`, whose code is the MBR, and
`core.img`, which holds GRUB itself and is read from a place that the MBR must know by its sector number.
"""

import struct

SECTOR = 512
# Places within boot.img: where core.img starts, and the jump that is there for floppy disks only.
KERNEL_SECTOR = 0x5C
DRIVE_CHECK = 0x66
CODE_SIZE = 440
# The last twelve bytes of core.img's first sector tell where the rest of it is: start, sectors, load segment.
BLOCK_LIST = SECTOR - 12
# Behind the MBR and before the first partition at 1 MiB.
GAP_START, GAP_SECTORS = 1, 2047


def boot_code(boot_image, core_start):
    """The first 440 bytes of the disk; the partition table behind them is not touched."""
    code = bytearray(boot_image[:CODE_SIZE])
    struct.pack_into("<Q", code, KERNEL_SECTOR, core_start)
    code[DRIVE_CHECK:DRIVE_CHECK + 2] = b"\x90\x90"
    return bytes(code)


def core_image(image, core_start):
    """`image` as it has to be written at `core_start`, a whole number of sectors."""
    padded = bytearray(image + b"\0" * (-len(image) % SECTOR))
    _, _, segment = struct.unpack_from("<QHH", padded, BLOCK_LIST)
    struct.pack_into("<QHH", padded, BLOCK_LIST, core_start + 1, len(padded) // SECTOR - 1, segment)
    return bytes(padded)


def place(biosboot_start, core_size):
    """The sector for core.img: the BIOS boot partition if there is one, else behind the MBR. None if it does not fit."""
    if biosboot_start is not None:
        return biosboot_start
    return GAP_START if core_size <= GAP_SECTORS * SECTOR else None
