"""What pgAdmin is told about its life here; it reads this over its own config.py."""

import os

# Behind a proxy that passes its prefix on, as JUPYTER_BASE_URL for JupyterLab.
COOKIE_DEFAULT_PATH = "/" + os.environ.get("PGADMIN_BASE_URL", "").strip("/")
PROXY_X_HOST_COUNT = 1

# The home is synchronised: no password may be in it, and nothing that belongs to this container alone.
ALLOW_SAVE_PASSWORD = False
ALLOW_SAVE_TUNNEL_PASSWORD = False
MASTER_PASSWORD_REQUIRED = False
USE_OS_SECRET_STORAGE = False
SESSION_DB_PATH = "/tmp/pgadmin/sessions"
LOG_FILE = "/tmp/pgadmin/pgadmin.log"
STORAGE_DIR = "/tmp/pgadmin/storage"
AZURE_CREDENTIAL_CACHE_DIR = "/tmp/pgadmin/azure"

# There is no internet to ask.
UPGRADE_CHECK_ENABLED = False
SHOW_GRAVATAR_IMAGE = False
LLM_ENABLED = False

AUTO_DISCOVER_SERVERS = False
DEFAULT_BINARY_PATHS = {"pg": "/usr/bin"}
