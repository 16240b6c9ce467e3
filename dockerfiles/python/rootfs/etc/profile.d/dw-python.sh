PATH=/opt/venv/bin:$PATH
