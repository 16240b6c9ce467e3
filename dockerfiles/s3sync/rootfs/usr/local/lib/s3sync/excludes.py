"""What is never synchronised, as the patterns that mobius3 takes."""

import re

# Of every folder: its own copies of notebooks, what users keep out on purpose, and the marks of another mobius3.
anywhere = r"(?:.*/)?(?:(?:\.checkpoints|bigdata)(?:/|$)|\.__mobius3_flush__)"
# Of the home: what belongs to the desktop of one container, and mobius3's own folder.
at_the_top = (
    r"(?:\.vnc|\.dbus|\.config/lxqt|\.config/openbox|\.cache/openbox|\.cache/mesa_shader_cache|\.Xauthority|\.mobius3)(?:/|$)"
    r"|Desktop/[^/]*\.desktop$"
)
# Keys that S3 can have and no file below the home can be called.
no_path = r"/|.*//|(?:.*/)?\.{1,2}(?:/|$)"


def remote():
    return f"(?s:{anywhere}|{at_the_top}|{no_path})"


def local(directory):
    return f"(?s:{re.escape(directory)}/(?:{anywhere}|{at_the_top}))"


def upload_on_create(directory):
    """git renames and links its files into place, which closes none."""
    return f"(?s:{re.escape(directory)}/(?:.*/)?\\.git/)"
