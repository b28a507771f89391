"""A root of its own: this machine's files, with every change in memory."""
import os
import subprocess

from harness import TOP, net


class Root:
    """What is done inside leaves no trace; no file of a mail host is there but
    those that a package puts.  No network: what apt installs must be given."""
    namespaces = ("--pid",)

    def __init__(self, directory):
        self.dir = os.path.join(directory, "root")
        self.layer = os.path.join(directory, "layer")
        self.mounts, self.init, self.first = [], None, ""

    def __enter__(self):
        for path in (self.dir, self.layer):
            os.mkdir(path)
        self.mount("tmpfs", self.layer, "-t", "tmpfs")
        self.cover("/", self.dir)
        self.devices()
        for name, mode in (("run", "755"), ("tmp", "1777")):
            self.mount("tmpfs", f"{self.dir}/{name}", "-t", "tmpfs", "-o", "mode=" + mode)
        tree = self.dir + TOP
        if not os.path.exists(tree + "/Makefile"):  # it lies in /tmp, or is a mount
            os.makedirs(tree, exist_ok=True)
            self.cover(TOP, tree)
        # Containers have it to forbid what is to be seen here.
        if os.path.exists(self.dir + "/usr/sbin/policy-rc.d"):
            os.unlink(self.dir + "/usr/sbin/policy-rc.d")
        # There is no init to ask.
        runlevel = self.dir + "/usr/sbin/runlevel"
        if os.path.lexists(runlevel):
            os.unlink(runlevel)
        with open(runlevel, "w") as f:
            f.write("#!/bin/sh\necho N 2\n")
        os.chmod(runlevel, 0o755)
        self.boot()
        return self

    def cover(self, what, where):
        """Shows a folder there; what is changed in it stays in memory."""
        layer = f"{self.layer}/{len(self.mounts)}"
        for name in ("upper", "work"):
            os.makedirs(f"{layer}/{name}")
        self.mount("overlay", where, "-t", "overlay", "-o",
                   f"lowerdir={what},upperdir={layer}/upper,workdir={layer}/work")

    def devices(self):
        self.mount("/dev", self.dir + "/dev", "--rbind")

    def boot(self):
        """A first process inside, or scripts would see that this is a chroot."""
        self.init = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", "chroot", self.dir, "sh", "-c",
             "mount -t proc proc /proc && echo up && while :; do sleep 1; done"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.init.stdout.readline()
        self.mounts.append(self.dir + "/proc")
        with open(f"/proc/{self.init.pid}/task/{self.init.pid}/children") as f:
            self.first = f.read().split()[0]

    def mount(self, what, where, *how):
        subprocess.run(["mount", *how, what, where], check=True)
        self.mounts.append(where)

    def __exit__(self, *_):
        self.init.kill()
        self.init.wait()
        for where in reversed(self.mounts):
            subprocess.run(["umount", "-l", where], check=True)

    def path(self, name):
        return self.dir + name

    def run(self, *command, check=True):
        """-> what it said; check: it must end with 0"""
        done = subprocess.run(
            ["nsenter", "--target", self.first, *self.namespaces, "--root", "--wd=" + self.dir, *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180,
            env={"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                 "DEBIAN_FRONTEND": "noninteractive"})
        if check and done.returncode:
            raise RuntimeError(f"{command}: exit {done.returncode}\n{done.stdout}")
        return done.stdout

    def pid(self, word):
        with open(self.path(f"/run/postern/{word}.pid")) as f:
            return int(f.read())

    def wait_gone(self, pid):
        net.wait_for(lambda: not os.path.exists(self.path(f"/proc/{pid}")))
