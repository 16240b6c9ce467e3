/** The Debian base image, for people. */
import type { BaseResult } from '../workflows/base.ts';
import { shortId } from './short-id.ts';
import { formatBytes } from './units.ts';

export const renderBase = ({ reference, id, action, size }: BaseResult): string =>
  `${reference} ${action}: ${shortId(id)}, ${formatBytes(size)}`;
