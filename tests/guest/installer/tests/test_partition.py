"""Storage: what is planned, and which requests fail in which words."""

import unittest

from standin import bootblock, partition
from standin.partition import Disk, StorageError

from .support import BLANK, GOOD, plan, read, storage


class Planning(unittest.TestCase):
    def check_fails(self, text, words, disks=(BLANK,)):
        with self.assertRaises(StorageError) as caught:
            plan(text, disks)
        self.assertEqual(str(caught.exception), words)

    def check_script(self, text, *lines, disks=(BLANK,)):
        self.assertEqual(plan(text, disks).tables[0].script, "\n".join(lines) + "\n")

    def test_a_plain_layout_puts_boot_first_and_lets_root_have_the_rest(self):
        self.check_script(
            GOOD, "label: dos", "start=1MiB, size=200MiB, type=83, bootable", "start=201MiB, size=64MiB, type=82", "start=265MiB, size=3831MiB, type=83"
        )
        found = plan(GOOD)
        self.assertEqual([(v.device, v.fstype, v.mountpoint) for v in found.volumes],
                         [("/dev/vda1", "ext4", "/boot"), ("/dev/vda2", "swap", ""), ("/dev/vda3", "xfs", "/")])
        self.assertEqual(found.boot_disk, "vda")

    def test_more_than_four_partitions_get_an_extended_one(self):
        text = storage("""
            zerombr
            clearpart --all --initlabel
            part /boot --size=100
            part / --size=500
            part /var --size=200
            part /home --size=200
            part swap --size=50
        """)
        found = plan(text)
        self.assertEqual([v.device for v in found.volumes], ["/dev/vda1", "/dev/vda2", "/dev/vda3", "/dev/vda5", "/dev/vda6"])
        self.assertIn("start=801MiB, type=5\nstart=802MiB, size=200MiB", found.tables[0].script)

    def test_gpt_needs_a_biosboot_partition_and_grub_is_told_where_it_is(self):
        text = storage("""
            zerombr
            clearpart --all --initlabel --disklabel=gpt
            part biosboot --fstype=biosboot --size=1
            part / --size=500 --grow
        """)
        found = plan(text)
        self.assertEqual(found.biosboot_start, 2048)
        self.assertEqual([(v.device, v.size) for v in found.volumes], [("/dev/vda2", 4093)])
        self.check_fails(
            "\n".join(l for l in text.splitlines() if "biosboot" not in l),
            "Your BIOS-based system needs a special partition to boot from a GPT disk label. To continue, please create a 1MiB "
            "'biosboot' type partition on the vda disk.",
        )

    def test_uefi_needs_an_efi_system_partition_and_means_gpt(self):
        with self.assertRaises(StorageError) as caught:
            plan(GOOD, uefi=True)
        self.assertEqual(str(caught.exception),
                         "Failed to find a suitable stage1 device: EFI System Partition must be mounted on one of /boot/efi.")
        found = plan(GOOD.replace("part swap", "part /boot/efi --fstype=efi --size=64\npart swap"), uefi=True)
        self.assertEqual((found.tables[0].label, found.volumes[0].device, found.volumes[0].mountpoint), ("gpt", "/dev/vda1", "/boot/efi"))

    def test_logical_volumes_share_what_the_group_has(self):
        text = storage("""
            zerombr
            clearpart --all --initlabel
            part /boot --fstype=ext4 --size=200
            part pv.01 --size=1 --grow
            volgroup system pv.01
            logvol swap --vgname=system --name=swap --fstype=swap --size=128
            logvol / --vgname=system --name=root --fstype=xfs --size=256 --grow
        """)
        found = plan(text)
        (group,) = found.groups
        self.assertEqual((group.name, group.members), ("system", ["/dev/vda2"]))
        self.assertEqual(group.volumes, [("swap", 128), ("root", 3760)])
        self.assertEqual(found.at("/").device, "/dev/mapper/system-root")

    def test_requests_that_cannot_be_met_fail_in_anacondas_words(self):
        head = "zerombr\nclearpart --all --initlabel\n"
        for lines, words in (
            ("part / --size=500 --ondisk=sdz", 'line 4: Disk "sdz" given in part command does not exist.'),
            ("part / --size=500 --fstype=foofs", 'line 4: The "foofs" file system type is not supported.'),
            ("part / --size=102400", "Unable to allocate requested partition scheme."),
            ("part /home --size=500",
             "You have not defined a root partition (/), which is required for installation of Rekindle Guest Linux to continue."),
            ("part / --size=500\nvolgroup vg0 pv.99", 'line 5: Tried to use undefined partition "pv.99" in Volume Group specification'),
            ("part / --size=500\nlogvol /home --vgname=vgX --name=home --size=100",
             'line 5: No volume group exists with the name "vgX".  Specify volume groups before logical volumes.'),
            ("part pv.01 --size=1000\nvolgroup vg pv.01\nlogvol / --vgname=vg --name=root --size=80000",
             "new lv is too large to fit in free space"),
            ("part pv.01 --size=1000\nvolgroup vg pv.01\nlogvol / --vgname=vg --name=root --size=800",
             "/ file system cannot be of type lvmlv"),
        ):
            with self.subTest(lines=lines):
                self.check_fails(storage(head + lines), words)

    def test_a_blank_disk_must_be_given_up_for_use(self):
        self.check_fails(storage("part / --size=500 --ondisk=vda"), 'line 2: Disk "vda" in part command is not partitioned.')

    def test_a_boot_drive_must_exist(self):
        self.check_fails(GOOD.replace("bootloader ", "bootloader --boot-drive=vdx "), 'No match found for given boot drive "vdx".')

    def test_other_disks_are_left_alone(self):
        disks = (BLANK, Disk("vdb", 1024), Disk("vdc", 1024, "gpt"))
        text = storage("""
            zerombr
            ignoredisk --only-use=vda
            clearpart --all --initlabel
            part / --size=500 --grow
        """)
        self.assertEqual([t.disk for t in plan(text, disks).tables], ["vda"])
        # Without ignoredisk, Anaconda relabels them all, and so does this.
        everything = text.replace("ignoredisk --only-use=vda\n", "")
        self.assertEqual([t.disk for t in plan(everything, disks).tables], ["vda", "vdb", "vdc"])

    def test_a_disk_can_be_named_by_its_serial(self):
        text = GOOD.replace("vda", "disk/by-id/virtio-system")
        self.assertEqual(plan(text).at("/").device, "/dev/vda3")
        self.assertTrue(read(text))

    def test_an_existing_partition_is_mounted_and_not_formatted(self):
        class Found:
            name, size, fstype = "vdb1", 1000, "ext4"

        disks = (BLANK, Disk("vdb", 1024, "msdos", (Found,)))
        text = storage("""
            zerombr
            clearpart --all --initlabel --drives=vda
            part / --size=500 --grow --ondisk=vda
            part /srv --onpart=vdb1 --noformat
        """)
        volume = plan(text, disks).at("/srv")
        self.assertEqual((volume.device, volume.format), ("/dev/vdb1", False))

    def test_growing_requests_share_by_size_up_to_their_maximum(self):
        for bases, free, sizes in (
            ([(100, True, 0)], 50, [150]),
            ([(100, True, 0), (300, True, 0)], 400, [200, 600]),
            ([(100, True, 150), (100, True, 0)], 400, [150, 450]),
            ([(100, False, 0), (100, True, 120)], 400, [100, 120]),
            ([(1, True, 0), (1, True, 0)], 1, [1, 2]),
        ):
            self.assertEqual(partition.grow(bases, free), sizes)


class BootBlock(unittest.TestCase):
    def test_the_boot_code_loads_the_core_from_its_place(self):
        code = bootblock.boot_code(bytes(512), 0x12345)
        self.assertEqual(len(code), 440)
        self.assertEqual(code[0x5C:0x64], (0x12345).to_bytes(8, "little"))
        self.assertEqual(code[0x66:0x68], b"\x90\x90")

    def test_the_core_knows_where_its_second_sector_is(self):
        core = bootblock.core_image(bytes(1500), 34)
        self.assertEqual(len(core), 1536)
        self.assertEqual(core[500:508], (35).to_bytes(8, "little"))
        self.assertEqual(core[508:510], (2).to_bytes(2, "little"))

    def test_a_core_that_is_too_large_for_the_gap_has_no_place(self):
        self.assertEqual(bootblock.place(None, 100_000), 1)
        self.assertEqual(bootblock.place(4096, 100_000), 4096)
        self.assertIsNone(bootblock.place(None, 2 << 20))
