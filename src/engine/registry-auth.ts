/** Registry credentials in the form of the engine's API. */
import type { RegistryAuth } from './engine.ts';

/** The value of the X-Registry-Auth header; the engine takes it unpadded or padded, in the URL alphabet. */
export const registryAuthHeader = (auth: object): string =>
  padded(Buffer.from(JSON.stringify(auth)).toString('base64url'));

const padded = (text: string): string => text.padEnd(Math.ceil(text.length / 4) * 4, '=');

/** The engine's own names for the fields. */
export function authConfig(auth: RegistryAuth | null): object {
  return {
    ...(auth?.username !== undefined && { username: auth.username }),
    ...(auth?.password !== undefined && { password: auth.password }),
    ...(auth?.identityToken !== undefined && { identitytoken: auth.identityToken }),
    ...(auth?.registryToken !== undefined && { registrytoken: auth.registryToken }),
    ...(auth?.serverAddress !== undefined && { serveraddress: auth.serverAddress }),
  };
}
