/**
 * A small CRAN: sources of packages that need each other, made here and put into a bucket where a mirror of CRAN has them.
 * It is changed as CRAN changes: a new version, another source under the old one, a package that does not compile.
 */
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { createGzip, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { S3 } from './s3.ts';

export interface SourcePackage {
  version: string;
  /** Lines of DESCRIPTION beyond the usual ones. */
  fields?: Readonly<Record<string, string>>;
  namespace?: string;
  /** Path in the package → content, beyond DESCRIPTION and NAMESPACE. */
  files?: Readonly<Record<string, string>>;
}

export class SyntheticCran {
  /** Changes come to the bucket with `upload`. */
  readonly packages = new Map<string, SourcePackage>();
  readonly #s3: S3;
  readonly #folder: string;
  readonly #there = new Map<string, string>();

  /** `folder` is the one of the mirror, with a slash at the end. */
  constructor(s3: S3, folder: string) {
    this.#s3 = s3;
    this.#folder = `${folder}src/contrib/`;
  }

  /** Sources that the bucket has not, and then the index; or an index that says what it should not. */
  async upload(index: (text: string) => string = (text) => text): Promise<void> {
    let text = '';
    for (const [name, source] of this.packages) {
      const content = await archive(name, source);
      const md5 = createHash('md5').update(content).digest('hex');
      const key = `${this.#folder}${name}_${source.version}.tar.gz`;
      if (this.#there.get(key) !== md5) await this.#s3.put(key, new Uint8Array(content));
      this.#there.set(key, md5);
      text += `${dcf(name, source)}NeedsCompilation: ${source.files?.['src/init.c'] ? 'yes' : 'no'}\nMD5sum: ${md5}\n\n`;
    }
    await this.#s3.put(`${this.#folder}PACKAGES.gz`, new Uint8Array(gzipSync(index(text))));
  }
}

const dcf = (name: string, { version, fields = {} }: SourcePackage): string =>
  Object.entries({ Package: name, Version: version, License: 'MIT', ...fields })
    .map(([field, value]) => `${field}: ${value}\n`)
    .join('');

/** The same bytes of the same package. */
function archive(name: string, source: SourcePackage): Promise<Buffer> {
  const description = `${dcf(name, source)}Title: A Test\nDescription: A test.\nAuthor: A\nMaintainer: A <a@example.invalid>\n`;
  const files = { DESCRIPTION: description, NAMESPACE: source.namespace ?? '', ...source.files };
  const tar = pack();
  for (const [path, content] of Object.entries(files))
    tar.entry({ name: `${name}/${path}`, mtime: new Date(0), mode: 0o755 }, content);
  tar.finalize();
  return buffer(tar.pipe(createGzip()));
}
