"""How much memory something takes. Not by `ru_maxrss`: a process inherits that of the one which started it."""

import re


class Meter:
    """Measures from when it is made."""

    def __init__(self):
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak is now what is held
        # The one before the other: what another thread gives back between them would count as taken.
        self.peak_before = _status("VmHWM")
        self.start = _status("VmRSS")

    def peak(self):
        """The most that has been held, in kB above the start."""
        return _status("VmHWM") - self.peak_before

    def held(self):
        return _status("VmRSS") - self.start


def _status(name):
    with open("/proc/self/status") as file:
        return int(re.search(rf"{name}:\s+(\d+)", file.read())[1])
