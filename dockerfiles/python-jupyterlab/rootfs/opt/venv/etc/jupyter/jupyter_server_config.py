# Data Workspace's proxy has authenticated the user and is all that reaches this server.
import os

c = get_config()  # noqa: F821

c.IdentityProvider.token = ""
c.PasswordIdentityProvider.hashed_password = ""
c.PasswordIdentityProvider.password_required = False
c.ServerApp.allow_remote_access = True
c.ServerApp.trust_xheaders = True

c.ServerApp.ip = ""  # all interfaces, IPv4 and IPv6
c.ServerApp.port = 8888
c.ServerApp.port_retries = 0
c.ServerApp.base_url = os.environ.get("JUPYTER_BASE_URL", "/")
c.ServerApp.open_browser = False
c.ServerApp.quit_button = False
c.ServerApp.root_dir = os.environ["HOME"]

# Not a login shell, so that ~/.bashrc is read; the environment is right already.
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}
c.FileContentsManager.delete_to_trash = False
c.FileCheckpoints.checkpoint_dir = ".checkpoints"
# What language servers see of unsaved files is for the moment, and not for the home, which is synchronised.
c.LanguageServerManager.virtual_documents_dir = "/tmp/jupyter-documents"

# There is no internet to ask.
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"
