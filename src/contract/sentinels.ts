/** The credentials that a judged image is started with: invented, and of the kind that careless quoting breaks. */
import { randomBytes } from 'node:crypto';

/** Values differ from run to run, so that none can come from anywhere but the start. */
export function sentinelEnvironment(): Record<string, string> {
  const mark = randomBytes(6).toString('hex');
  const dsn = `host=postgres.invalid port=5432 dbname=datasets user=u_${mark} password='p\\'w "${mark}" $HOME %s'`;
  return {
    DATABASE_DSN__datasets_1: dsn,
    DATABASE_DSN__my_database: `host=db.invalid port=5432 dbname=my user=u_${mark} password=a=b&c;d#${mark}`,
    PGHOST: 'postgres.invalid',
    PGPORT: '5432',
    PGDATABASE: 'datasets',
    PGUSER: `u_${mark}`,
    PGPASSWORD: `  pä€ß$(id)\`id\` \\n!"'<>|*? ${mark} `,
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: '/etc/ssl/certs/ca-certificates.crt',
    S3_BUCKET: `bucket-${mark}`,
    S3_PREFIX: `user/federated/${mark}/`,
    S3_REGION: 'eu-west-2',
    AWS_DEFAULT_REGION: 'eu-west-2',
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: `/v2/credentials/${mark}`,
    APP_SCHEMA: `_user_${mark}`,
  };
}
