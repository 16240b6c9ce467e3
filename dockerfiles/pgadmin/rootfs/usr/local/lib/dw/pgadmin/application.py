"""pgAdmin for the one user of the container, whom the platform's proxy has authenticated, as gunicorn runs it."""

import builtins
import os
import sys
import sysconfig

# pgAdmin calls it the desktop: nobody logs in. Its configuration takes this from the one, its start from the other.
builtins.SERVER_MODE = False
os.environ["PGADMIN_SERVER_MODE"] = "OFF"
sys.path.insert(0, os.path.join(sysconfig.get_path("purelib"), "pgadmin4"))

import settings

os.environ["SQLITE_PATH"] = settings.place()

import config
from pgadmin.model import SCHEMA_VERSION

settings.set_aside_unusable(config.SQLITE_PATH, SCHEMA_VERSION)

from flask_compress import Compress
from pgAdmin4 import app
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.utils import redirect

import servers

servers.preset(app)
Compress(app)  # 20 MB of scripts otherwise, at the first visit
# Where the terminal of psql begins.
os.chdir(os.environ["HOME"])

base = config.COOKIE_DEFAULT_PATH
application = app if base == "/" else DispatcherMiddleware(redirect(f"{base}/"), {base: app})
