"""The servers of the tree that the platform gives: one for each DSN of the environment, none for those of before."""

import os
import shlex
from collections.abc import Mapping

import config
from pgadmin.model import QueryHistoryModel, Server, ServerGroup, User, db

import dsn
from say import say

_PASSWORD = "/usr/local/lib/dw/pgadmin/password"


def preset(app) -> None:
    with app.app_context():
        user = User.query.filter_by(email=config.DESKTOP_USER).one()
        group = ServerGroup.query.filter_by(user_id=user.id).order_by(ServerGroup.id).first()
        # Marked by the variable, so that each keeps its id, and with it its history and what the user changed of its looks.
        marked = Server.query.filter(Server.user_id == user.id, Server.discovery_id.startswith(dsn.PREFIX))
        before = {server.discovery_id: server for server in marked}
        for variable, value in dsn.variables():
            try:
                columns = _columns(variable, value)
            except dsn.Unusable as why:
                say(f"{variable} {why}: its server is not in the list")
                continue
            server = before.pop(variable, None)
            if server is None:
                server = Server(user_id=user.id, servergroup_id=group.id, discovery_id=variable, **_BLANK)
                db.session.add(server)
            for column, content in columns.items():
                setattr(server, column, content)
        for server in before.values():
            # SQLite gives the id to another server one day.
            QueryHistoryModel.query.filter_by(sid=server.id).delete()
            db.session.delete(server)
        db.session.commit()


_BLANK: Mapping[str, int | bool] = {
    "save_password": 0,
    "shared": False,
    "use_ssh_tunnel": 0,
    "tunnel_authentication": 0,
    "tunnel_prompt_password": 0,
}


def _columns(variable: str, value: str) -> dict[str, object]:
    options, secrets = dsn.read(value)
    name = variable.removeprefix(dsn.PREFIX)
    if not name:
        raise dsn.Unusable("has no name after the prefix")
    try:
        # It may hold what no database takes, since it comes of any bytes.
        name.encode()
    except UnicodeError:
        raise dsn.Unusable("has a name that is not UTF-8") from None
    if not any(options.get(option) for option in ("host", "hostaddr", "service")):
        raise dsn.Unusable("names no host")
    port = options.pop("port", "5432")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65535:
        raise dsn.Unusable("has a port that pgAdmin cannot take")
    password = secrets.pop("password", "")
    if secrets:
        raise dsn.Unusable(f"has a {min(secrets)}, which pgAdmin would write to the disk")
    if password != password.strip():
        raise dsn.Unusable("has a password that begins or ends with white space, which pgAdmin would drop")
    user = options.pop("user", os.environ["USER"])
    return {
        "name": name,
        "host": options.pop("host", None),
        "port": int(port),
        "maintenance_db": options.pop("dbname", user),
        "username": user,
        "service": options.pop("service", None),
        "passexec_cmd": shlex.join([_PASSWORD, variable]) if password else None,
        "connection_params": {"connect_timeout": 10, **options},
        "comment": f"From the variable {variable}",
    }
