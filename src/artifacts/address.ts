/** An artifact's URL as it is asked for and as it is shown: a user and password in it are nobody else's business. */

export interface Address {
  /** Without a login. */
  readonly url: string;
  /** With the login, where there is one; not sent on to another host. */
  readonly headers: Readonly<Record<string, string>>;
}

export function addressOf(url: string): Address {
  const { username, password } = new URL(url);
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    url: shownUrl(url),
    headers: {
      accept: '*/*',
      // The sum is of the file itself, not of a packed form of it.
      'accept-encoding': 'identity',
      'user-agent': 'dwt',
      ...(username !== '' && { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
    },
  };
}

export function shownUrl(url: string): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  return shown.href;
}
