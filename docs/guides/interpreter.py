"""What the Python of a guide runs: blocks from standard input, each after its length, in one namespace."""

import sys
import traceback


def main(mark: str) -> None:
    names = {"__name__": "__main__"}
    for line in sys.stdin.buffer:
        text = sys.stdin.buffer.read(int(line)).decode()
        status = 0
        try:
            exec(compile(text, "guide", "exec"), names)
        except Exception:
            traceback.print_exc()
            status = 1
        print(f"\n{mark} {status}", flush=True)


if __name__ == "__main__":
    sys.path[0] = ""  # as in a Python that was started in the folder of the guide
    main(sys.argv[1])
