/** What R has from the platform: databases, files in S3, processors; and that what it draws can be read. */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildTimeout, type Container, Lab } from './images.ts';
import { startPostgres } from './postgres.ts';
import { type S3, startS3 } from './s3.ts';

let lab: Lab;
let image: string;
let network: string;

beforeAll(async () => {
  lab = await Lab.open();
  image = (await lab.build('rv4-visualisation'))('rv4-visualisation');
  network = await lab.isolated();
}, buildTimeout);
afterAll(() => lab.close(), 60_000);

const start = (
  environment: Record<string, string> = {},
  host: Record<string, unknown> = {},
): Promise<Container> => lab.start({ image, network, command: ['sleep', 'infinity'], environment, host });

/** What R code prints, which has to succeed. */
async function r(container: Container, code: string): Promise<string> {
  const run = await container.run(['Rscript', '-e', `options(warn = 2); ${code}`]);
  if (run.exitCode !== 0) throw new Error(`R ended with ${run.exitCode}: ${run.stdout}${run.stderr}`);
  return run.stdout;
}

test('reads and writes the databases that variables name, whatever their names and letters', async () => {
  const postgres = await startPostgres(lab, network);
  await postgres.sql("CREATE USER reader PASSWORD 'p w'");
  await postgres.sql('CREATE SCHEMA reader AUTHORIZATION reader');
  const tool = await start({
    PGHOST: postgres.address,
    PGPORT: '5432',
    PGDATABASE: 'postgres',
    PGUSER: 'reader',
    PGPASSWORD: 'p w',
    'DATABASE_DSN__my-data': `host=${postgres.address} port=5432 dbname=postgres user=reader password='p w'`,
  });
  const written = `
    towns <- data.frame(town = c("Łódź", "Elláda Ελλάδα"), people = c(640000L, NA), on = as.Date("2026-02-01"))
    one <- DBI::dbConnect(RPostgreSQL::PostgreSQL())
    invisible(DBI::dbWriteTable(one, c("reader", "towns"), towns, row.names = FALSE))
    other <- DBI::dbConnect(RPostgreSQL::PostgreSQL(), dbname = Sys.getenv("DATABASE_DSN__my-data"))
    back <- DBI::dbGetQuery(other, "SELECT * FROM reader.towns")
    cat(identical(back$town, towns$town), identical(back$people, towns$people), class(back$on), Encoding(back$town))`;
  expect(await r(tool, written)).toMatch(/^TRUE TRUE Date/);
  expect(await postgres.sql('SELECT town FROM reader.towns WHERE people > 0')).toBe('Łódź\n');
}, 180_000);

describe('S3', () => {
  let s3: S3;
  let tool: Container;
  const prefix = 'user/federated/a b/';

  beforeAll(async () => {
    s3 = await startS3(lab, network);
    tool = await start(s3.environment(prefix));
  }, buildTimeout);

  test('is read and written below the own prefix with the credentials of the role', async () => {
    await s3.put(`${prefix}Größe & 50%.csv`, 'town,people\nŁódź,640000\n');
    await s3.put('teams/all.csv', 'x\n1\n');
    const code = `
      cat(dw::s3_list()$key, nrow(dw::s3_list("nothing/")), dw::s3_list("/teams/")$key, "\\n")
      cat(dw::s3_read("Größe & 50%.csv", read.csv)$town, dw::s3_read("/teams/all.csv", read.csv)$x, "\\n")
      setwd(tempdir()); writeBin(as.raw(rep(0:255, 4e4)), "large.bin"); dw::s3_put("large.bin", "results/large.bin")
      invisible(file.rename("large.bin", "sent")); dw::s3_get("results/large.bin")
      cat(tools::md5sum("sent") == tools::md5sum("large.bin"), list.files(all.files = TRUE, no.. = TRUE))`;
    expect((await r(tool, code)).split('\n')).toEqual([
      'Größe & 50%.csv 0 /teams/all.csv ',
      'Łódź 1 ',
      'TRUE large.bin sent',
    ]);
    expect(Object.keys(await s3.list(prefix))).toContain('results/large.bin');
  });

  test('is listed whole where it answers in pages', async () => {
    await Promise.all(Array.from({ length: 1010 }, (_, i) => s3.put(`many/${i}`, '')));
    expect(await r(tool, 'cat(nrow(dw::s3_list("/many/")))')).toBe('1010');
  }, 240_000);

  test('asks the endpoint of the task where the platform names it by its path', async () => {
    const { AWS_CONTAINER_CREDENTIALS_FULL_URI: full = '', ...others } = s3.environment(prefix);
    const task = await lab.start({
      image,
      network,
      command: ['sleep', 'infinity'],
      environment: { ...others, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/role' },
    });
    // The address that it has on Fargate, inside the network of this one container.
    const { pid } = await lab.engine.containerState(task.id);
    execFileSync('nsenter', `-t ${pid} -n ip address add 169.254.170.2/32 dev lo`.split(' '));
    const role = await (await fetch(full)).text();
    await task.shell(`mkdir /task && cat >/task/role <<'END'\n${role}\nEND`);
    await task.shell(
      `Rscript -e "httpuv::runStaticServer('/task', '169.254.170.2', 80, browse = FALSE)" >/dev/null 2>&1 </dev/null & disown`,
    );
    await task.get('http://169.254.170.2/role');
    expect(await r(task, 'cat(dw::s3_list("/teams/")$key)')).toBe('/teams/all.csv');
  });

  test('says what it was refused, and leaves the former file as it was', async () => {
    const code = `
      setwd(tempdir()); writeLines("mine", "towns.csv")
      cat(tryCatch(dw::s3_get("towns.csv"), error = conditionMessage), "\\n")
      cat(readLines("towns.csv"), list.files(all.files = TRUE, no.. = TRUE))`;
    const said = await r(tool, code);
    expect(said).toContain('NoSuchKey');
    expect(said).toContain('user/federated/a b/towns.csv');
    expect(said).toMatch(/\nmine towns\.csv$/);
    const none = await start({ S3_BUCKET: 'b', S3_REGION: 'eu-west-2' });
    expect(await r(none, 'cat(tryCatch(dw::s3_list(), error = conditionMessage))')).toBe(
      'There are no credentials for S3: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set.',
    );
  });
});

test('multiplies matrices by OpenBLAS, with as many threads as the container has processors', async () => {
  const code = 'cat(La_library(), Sys.getenv("OPENBLAS_NUM_THREADS", "free"))';
  const environmentOf = (container: Container) =>
    container.shell(
      "until pid=$(pgrep -u dw-user -o sleep); do sleep 0.1; done; tr '\\0' '\\n' </proc/$pid/environ | grep ^OPENBLAS || echo free",
      'dw-user',
    );
  const limited = await start({}, { NanoCpus: 0.5e9 });
  expect(await r(limited, code)).toMatch(/openblas/);
  expect(await environmentOf(limited)).toBe('OPENBLAS_NUM_THREADS=1\n');
  expect(await environmentOf(await start())).toBe('free\n');
  const told = await start({ OPENBLAS_NUM_THREADS: '3' }, { NanoCpus: 0.5e9 });
  expect(await environmentOf(told)).toBe('OPENBLAS_NUM_THREADS=3\n');
});

test('draws what it is told to in letters that there are', async () => {
  const tool = await start();
  const text = 'żółć – Größe, Ελλάδα, Україна, العربية, עברית, € ½ ≥ µ ∑ √';
  const codes = [...new Set(text.replace(/\s/g, ''))].map((letter) => letter.codePointAt(0)?.toString(16));
  const missing = `for code in ${codes.join(' ')}; do [ -n "$(fc-list ":charset=$code")" ] || echo $code; done`;
  expect(await tool.shell(missing)).toBe('');
  const code = `
    draw <- function() {
      plot(1:9, main = "${text}", xlab = "Größe in m² (≥ 10 µm)", ylab = expression(alpha[i]^2 + sqrt(x) %->% sum(x[i], i == 1, n)))
      text(c(3, 5), c(6, 5), c("bold ż", "italic Ł"), font = c(2, 3))
      text(2, 3, "serif Č", family = "serif")
      text(8, 6, "mono 0O1l", family = "mono")
    }
    setwd("/tmp"); png("base.png", 900, 500); draw(); svg("base.svg"); draw(); cairo_pdf("base.pdf"); draw()
    ragg::agg_png("ragg.png", 900, 500, res = 100)
    print(ggplot2::ggplot(data.frame(x = 1:9), ggplot2::aes(x, x)) + ggplot2::geom_point() + ggplot2::labs(title = "${text}"))
    graphics.off()`;
  await r(tool, code);
  const folder = process.env['DWT_TEST_SCREENSHOTS'];
  for (const name of ['base.png', 'ragg.png']) {
    const picture = Buffer.from(await tool.shell(`base64 -w0 /tmp/${name}`), 'base64');
    expect(picture.length).toBeGreaterThan(5000);
    if (folder) await writeFile(`${folder}/rv4-${name}`, picture);
  }
  expect(await tool.shell('grep -c "<symbol\\|<use" /tmp/base.svg')).not.toBe('0\n');
});

test('has its settings, its help, and every variable in what it starts', async () => {
  const tool = await start({ 'DATABASE_DSN__my-data': 'host=x' });
  expect(
    await r(
      tool,
      'cat(Sys.getenv("DATABASE_DSN__my-data"), Sys.getlocale("LC_CTYPE"), getOption("papersize"), extSoftVersion()[["ICU"]] != "")',
    ),
  ).toBe('host=x en_GB.UTF-8 a4 TRUE');
  expect(await r(tool, 'print(help("s3_put", package = "dw", help_type = "text"))')).toContain(
    's3_put(file, key = basename(file))',
  );
  expect(await r(tool, 'cat(nrow(vignette(package = "dplyr")$results) > 0)')).toBe('TRUE');
});
