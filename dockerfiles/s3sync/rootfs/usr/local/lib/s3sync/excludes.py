"""What is never synchronised, as the patterns that mobius3 takes."""

import re

# Of every folder: its own copies of notebooks, what users keep out on purpose, the marks of another mobius3, and the locks
# of RStudio.
anywhere = (
    r"(?:.*/)?(?:(?:\.checkpoints|bigdata)(?:/|$)|\.__mobius3_flush__|\.rstudio-lock-|\.Rproj\.user/(?:.*/)?lock_file)"
)
# Of the home: what belongs to the desktop of one container, and mobius3's own folder; of RStudio its locks, its log, and the
# memory of a session, which would arrive in part.
at_the_top = (
    r"(?:\.vnc|\.dbus|\.config/lxqt|\.config/openbox|\.cache/openbox|\.cache/mesa_shader_cache|\.Xauthority|\.mobius3)(?:/|$)"
    r"|Desktop/[^/]*\.desktop$"
    r"|\.local/share/rstudio/(?:log/|(?:.*/)?(?:lock_file|suspended-session-data(?:/|$)))"
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
