/** A real PostgreSQL, of Debian's packages, in a container on the network of the tool that asks it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { testBase } from '../support/engine.ts';
import type { Container, Lab } from './images.ts';

const dockerfile = (packages: string): string => `FROM ${testBase()} AS postgres
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \\
    apt-get -q -o Acquire::Retries=5 update && \\
    DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=5 install -y --no-install-recommends ${packages} && \\
    printf "listen_addresses = '*'\\nfsync = off\\n" >>/etc/postgresql/17/main/postgresql.conf && \\
    echo 'host all all all scram-sha-256' >>/etc/postgresql/17/main/pg_hba.conf
USER postgres
CMD ["/usr/lib/postgresql/17/bin/postgres", "-D", "/var/lib/postgresql/17/main", "-c", "config_file=/etc/postgresql/17/main/postgresql.conf"]
`;

export interface Postgres {
  readonly container: Container;
  /** On the network; port 5432. */
  readonly address: string;
  /** Runs SQL as the superuser; answers what psql prints, unaligned and without headings. */
  sql(text: string, database?: string): Promise<string>;
}

/** Starts one on a network of the lab, and waits until it answers. */
export async function startPostgres(lab: Lab, network: string, packages = 'postgresql'): Promise<Postgres> {
  const image = await lab.extend({ Dockerfile: dockerfile(packages) }, 'postgres');
  const container = await lab.start({ image, network });
  const sql: Postgres['sql'] = async (text, database = 'postgres') => {
    const run = await container.run(['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', text], {
      user: 'postgres',
    });
    if (run.exitCode !== 0) throw new Error(`psql ended with ${run.exitCode}: ${run.stderr}`);
    return run.stdout;
  };
  for (let tries = 0; ; tries++) {
    try {
      await sql('SELECT 1');
      break;
    } catch (error) {
      if (tries === 100)
        throw new Error(`PostgreSQL does not answer: ${await container.logs()}`, { cause: error });
      await sleep(200);
    }
  }
  const { addresses } = await lab.engine.containerState(container.id);
  const [address] = Object.values(addresses);
  if (!address) throw new Error('PostgreSQL has no address on the network.');
  return { container, address, sql };
}
