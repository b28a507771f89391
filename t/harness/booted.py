"""A root that real systemd has booted."""
import os
import subprocess

from harness import net
from harness.root import Root

# What would reach out of the root into the kernel that all share, or needs
# hardware.
MASKED = """dev-hugepages.mount dev-mqueue.mount modprobe@.service
proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount
sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount
sys-kernel-tracing.mount systemd-binfmt.service systemd-journald-audit.socket
systemd-logind.service systemd-modules-load.service systemd-remount-fs.service
systemd-sysctl.service systemd-udevd.service systemd-udev-trigger.service
systemd-update-utmp.service tmp.mount getty.target dbus.socket dbus.service""".split()
INIT = """mount -t proc proc /proc && mount --bind /proc/sys /proc/sys &&
mount -o remount,bind,ro /proc/sys && mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
exec env -i container=test PATH=$PATH /lib/systemd/systemd --system"""


class Booted(Root):
    """As Root, with systemd as the first process, in a control group, a mount
    and a process namespace of its own, and one for the host name, which it
    sets.  Services of this machine do not run in it."""
    namespaces = ("--pid", "--mount", "--ipc", "--cgroup", "--uts")

    def devices(self):
        # journald makes /dev/log, which is another in each root.
        net.make_dev(self.dir + "/dev")
        self.mounts.append(self.dir + "/dev")

    def boot(self):
        self.mount("sysfs", self.dir + "/sys", "-t", "sysfs", "-o", "ro")
        # Inside it is the root of all groups.
        groups = self.layer + "/groups"
        os.mkdir(groups)
        self.mount("cgroup2", groups, "-t", "cgroup2")
        self.group = f"{groups}/postern-{os.getpid()}"
        os.mkdir(self.group)
        self.only_what_is_ours()
        self.start()

    def only_what_is_ours(self):
        for top in ("/etc/systemd/system", *(f"/etc/rc{n}.d" for n in "0123456S")):
            subprocess.run(["rm", "-rf", self.path(top)], check=True)
            os.mkdir(self.path(top))
        for name in MASKED:
            os.symlink("/dev/null", self.path("/etc/systemd/system/" + name))
        for name, text in {"fstab": "", "machine-id": ""}.items():
            with open(self.path("/etc/" + name), "w", encoding="ascii") as f:
                f.write(text)

    def start(self):
        """Boots, and waits until all that is enabled has been started."""
        enter = f"echo $$ > {self.group}/cgroup.procs && exec unshare --cgroup --ipc --mount" \
            f" --uts --pid --fork --kill-child chroot {self.dir} sh -c '{INIT}'"
        self.init = subprocess.Popen(["sh", "-c", enter], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        children = f"/proc/{self.init.pid}/task/{self.init.pid}/children"
        self.first = net.wait_for(lambda: open(children, encoding="ascii").read().strip(),
                                  process=self.init)
        net.wait_for(lambda: self.run("systemctl", "is-system-running", check=False).strip()
                     in ("running", "degraded"), 60, self.init, "systemd does not boot")

    def reboot(self):
        self.halt()
        subprocess.run(["umount", self.path("/run")], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.path("/run")],
                       check=True)
        self.start()

    def halt(self):
        self.init.kill()
        self.init.wait()
        net.wait_for(lambda: not self.populated(), message="processes outlive the root")

    def populated(self):
        with open(self.group + "/cgroup.events", encoding="ascii") as f:
            return "populated 1" in f.read()

    def __exit__(self, *what):
        self.halt()
        for folder, _, _ in os.walk(self.group, topdown=False):
            os.rmdir(folder)
        super().__exit__(*what)

    def unit(self, name, what):
        """A property of a unit, as systemctl(1) shows it."""
        return self.run("systemctl", "show", "--value", "--property=" + what, name).strip()
