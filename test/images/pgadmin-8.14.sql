-- The settings of a pgAdmin 8.14 that was started once in desktop mode, and given one server.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('f28be870d5ec');
CREATE TABLE "database" (
	id INTEGER NOT NULL, 
	schema_res VARCHAR, 
	server INTEGER NOT NULL, 
	PRIMARY KEY (id, server), 
	FOREIGN KEY(server) REFERENCES "server" (id) ON DELETE CASCADE
);
CREATE TABLE debugger_function_arguments (
	server_id INTEGER NOT NULL, 
	database_id INTEGER NOT NULL, 
	schema_id INTEGER NOT NULL, 
	function_id INTEGER NOT NULL, 
	arg_id INTEGER NOT NULL, 
	is_null INTEGER NOT NULL, 
	is_expression INTEGER NOT NULL, 
	use_default INTEGER, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (server_id, database_id, schema_id, function_id, arg_id), 
	CHECK (is_null >= 0 AND is_null <= 1), 
	CHECK (is_expression >= 0 AND is_expression <= 1), 
	CHECK (use_default >= 0 AND use_default <= 1)
);
CREATE TABLE keys (
	name VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "keys" VALUES('CSRF_SESSION_KEY','of a test');
INSERT INTO "keys" VALUES('SECRET_KEY','of a test');
INSERT INTO "keys" VALUES('SECURITY_PASSWORD_SALT','of a test');
CREATE TABLE macros (
	id INTEGER NOT NULL, 
	alt BOOLEAN NOT NULL, 
	control BOOLEAN NOT NULL, 
	"key" VARCHAR(128) NOT NULL, 
	key_code INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "macros" VALUES(1,0,1,'1',49);
INSERT INTO "macros" VALUES(2,0,1,'2',50);
INSERT INTO "macros" VALUES(3,0,1,'3',51);
INSERT INTO "macros" VALUES(4,0,1,'4',52);
INSERT INTO "macros" VALUES(5,0,1,'5',53);
INSERT INTO "macros" VALUES(6,0,1,'6',54);
INSERT INTO "macros" VALUES(7,0,1,'7',55);
INSERT INTO "macros" VALUES(8,0,1,'8',56);
INSERT INTO "macros" VALUES(9,0,1,'9',57);
INSERT INTO "macros" VALUES(10,0,1,'0',48);
INSERT INTO "macros" VALUES(11,1,0,'F1',112);
INSERT INTO "macros" VALUES(12,1,0,'F2',113);
INSERT INTO "macros" VALUES(13,1,0,'F3',114);
INSERT INTO "macros" VALUES(14,1,0,'F4',115);
INSERT INTO "macros" VALUES(15,1,0,'F5',116);
INSERT INTO "macros" VALUES(16,1,0,'F6',117);
INSERT INTO "macros" VALUES(17,1,0,'F7',118);
INSERT INTO "macros" VALUES(18,1,0,'F8',119);
INSERT INTO "macros" VALUES(19,1,0,'F9',120);
INSERT INTO "macros" VALUES(20,1,0,'F10',121);
INSERT INTO "macros" VALUES(21,1,0,'F11',122);
INSERT INTO "macros" VALUES(22,1,0,'F12',123);
CREATE TABLE module_preference (
	id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE preference_category (
	id INTEGER NOT NULL, 
	mid INTEGER, 
	name VARCHAR(256) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(mid) REFERENCES module_preference (id)
);
CREATE TABLE preferences (
	id INTEGER NOT NULL, 
	cid INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(cid) REFERENCES preference_category (id)
);
CREATE TABLE process (
	user_id INTEGER NOT NULL, 
	pid VARCHAR NOT NULL, 
	"desc" VARCHAR NOT NULL, 
	command VARCHAR NOT NULL, 
	arguments VARCHAR, 
	start_time VARCHAR, 
	end_time VARCHAR, 
	logdir VARCHAR, 
	exit_code INTEGER, 
	acknowledge VARCHAR, utility_pid INTEGER, process_state INTEGER DEFAULT '0', server_id INTEGER DEFAULT '0', 
	PRIMARY KEY (pid), 
	FOREIGN KEY(user_id) REFERENCES "user" (id) ON DELETE CASCADE
);
CREATE TABLE query_history (
	srno INTEGER NOT NULL, 
	uid INTEGER NOT NULL, 
	sid INTEGER NOT NULL, 
	dbname VARCHAR NOT NULL, 
	query_info VARCHAR NOT NULL, 
	last_updated_flag VARCHAR NOT NULL, 
	PRIMARY KEY (srno, uid, sid, dbname), 
	FOREIGN KEY(sid) REFERENCES "server" (id) ON DELETE CASCADE, 
	FOREIGN KEY(uid) REFERENCES "user" (id) ON DELETE CASCADE
);
CREATE TABLE role (
	id INTEGER NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	description VARCHAR(256) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "role" VALUES(1,'Administrator','pgAdmin Administrator Role');
INSERT INTO "role" VALUES(2,'User','pgAdmin User Role');
CREATE TABLE roles_users (
	user_id INTEGER, 
	role_id INTEGER, 
	FOREIGN KEY(role_id) REFERENCES role (id) ON DELETE CASCADE, 
	FOREIGN KEY(user_id) REFERENCES "user" (id) ON DELETE CASCADE
);
INSERT INTO "roles_users" VALUES(1,1);
CREATE TABLE "server" (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	servergroup_id INTEGER NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	host VARCHAR(128), 
	port INTEGER, 
	maintenance_db VARCHAR(64), 
	username VARCHAR(64), 
	comment VARCHAR(1024), 
	password VARCHAR, 
	role VARCHAR(64), 
	discovery_id VARCHAR, 
	db_res VARCHAR, 
	bgcolor VARCHAR(10), 
	fgcolor VARCHAR(10), 
	service VARCHAR, 
	use_ssh_tunnel INTEGER DEFAULT '0', 
	tunnel_host VARCHAR, 
	tunnel_port VARCHAR, 
	tunnel_username VARCHAR, 
	tunnel_authentication INTEGER DEFAULT '0', 
	tunnel_identity_file VARCHAR, 
	tunnel_password VARCHAR(64), 
	save_password INTEGER DEFAULT '0', 
	shared BOOLEAN, 
	kerberos_conn BOOLEAN DEFAULT 'false', 
	cloud_status INTEGER DEFAULT '0', 
	passexec_cmd VARCHAR, 
	passexec_expiration INTEGER, 
	connection_params JSON, 
	shared_username VARCHAR(64), 
	prepare_threshold INTEGER, tunnel_keep_alive INTEGER DEFAULT '0', tags JSON, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE CASCADE, 
	FOREIGN KEY(servergroup_id) REFERENCES servergroup (id)
);
INSERT INTO "server" VALUES(1,1,1,'of the older version','db',5432,'postgres','me',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,0,NULL,NULL,0,0,0,0,NULL,NULL,'{"sslmode": "prefer", "connect_timeout": 10}',NULL,NULL,0,NULL);
CREATE TABLE servergroup (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES "user" (id) ON DELETE CASCADE, 
	UNIQUE (user_id, name)
);
INSERT INTO "servergroup" VALUES(1,1,'Servers');
CREATE TABLE "setting" (
	user_id INTEGER NOT NULL, 
	setting VARCHAR(256) NOT NULL, 
	value TEXT, 
	PRIMARY KEY (user_id, setting), 
	FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE CASCADE
);
CREATE TABLE "sharedserver" (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	server_owner VARCHAR(64), 
	servergroup_id INTEGER NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	host VARCHAR(128), 
	port INTEGER, 
	maintenance_db VARCHAR(64), 
	username VARCHAR(64), 
	password VARCHAR, 
	role VARCHAR(64), 
	comment VARCHAR(1024), 
	discovery_id VARCHAR(128), 
	db_res VARCHAR, 
	bgcolor VARCHAR(10), 
	fgcolor VARCHAR(10), 
	service VARCHAR, 
	use_ssh_tunnel INTEGER DEFAULT '0', 
	tunnel_host VARCHAR, 
	tunnel_port VARCHAR, 
	tunnel_username VARCHAR, 
	tunnel_authentication INTEGER DEFAULT '0', 
	tunnel_identity_file VARCHAR, 
	shared BOOLEAN NOT NULL, 
	save_password INTEGER DEFAULT '0', 
	tunnel_password VARCHAR, 
	osid INTEGER, 
	connection_params JSON, prepare_threshold INTEGER, tunnel_keep_alive INTEGER DEFAULT '0', 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE CASCADE, 
	FOREIGN KEY(servergroup_id) REFERENCES servergroup (id)
);
CREATE TABLE "user" (
	id INTEGER NOT NULL, 
	email VARCHAR(256), 
	password VARCHAR, 
	active BOOLEAN NOT NULL, 
	confirmed_at DATETIME, 
	masterpass_check VARCHAR(256), 
	username VARCHAR(256) DEFAULT ('') NOT NULL, 
	auth_source VARCHAR(256) DEFAULT 'internal' NOT NULL, 
	fs_uniquifier VARCHAR NOT NULL, locked BOOLEAN DEFAULT 'false', login_attempts INTEGER DEFAULT '0', 
	PRIMARY KEY (id), 
	CONSTRAINT user_unique_constraint UNIQUE (username, auth_source)
);
INSERT INTO "user" VALUES(1,'pgadmin4@pgadmin.org','$pbkdf2-sha512$25000$aI1Rytkbg1DK2VsLobT2vg$PSmf0VIKzNCMHGxr4PGZKp67D.CkSg8uwLebFMpIHIKYL5fjr82SEiYnmP7CXeSIrY1LIuBI.7nCOvivA5UyUA',1,NULL,NULL,'pgadmin4@pgadmin.org','internal','78fc54875b1a4f1a80afbf174c1774bf','false',0);
CREATE TABLE user_macros (
	id INTEGER NOT NULL, 
	mid INTEGER, 
	uid INTEGER NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	sql VARCHAR, 
	PRIMARY KEY (id), 
	FOREIGN KEY(mid) REFERENCES macros (id) ON DELETE CASCADE, 
	FOREIGN KEY(uid) REFERENCES user (id) ON DELETE CASCADE
);
CREATE TABLE user_mfa (
	user_id INTEGER NOT NULL, 
	mfa_auth VARCHAR(256) NOT NULL, 
	options VARCHAR, 
	PRIMARY KEY (user_id, mfa_auth), 
	FOREIGN KEY(user_id) REFERENCES "user" (id) ON DELETE CASCADE
);
CREATE TABLE user_preferences (
	pid INTEGER NOT NULL, 
	uid INTEGER NOT NULL, 
	value VARCHAR(1024) NOT NULL, 
	PRIMARY KEY (pid, uid), 
	FOREIGN KEY(pid) REFERENCES preferences (id) ON DELETE CASCADE, 
	FOREIGN KEY(uid) REFERENCES "user" (id) ON DELETE CASCADE
);
CREATE TABLE version (
	name VARCHAR(32) NOT NULL, 
	value INTEGER NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "version" VALUES('ConfigDB',41);
COMMIT;
