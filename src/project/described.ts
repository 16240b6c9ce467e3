/** Parts of the schema that say what they are for: the words become hints of errors and what editors show. */
import * as z from 'zod/mini';
import { durationPattern } from './vocabulary.ts';

export const described = <Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema =>
  schema.check(z.describe(description)) as Schema;

export const text = (description: string) =>
  described(z.string().check(z.minLength(1, 'is empty')), description);

export const duration = (description: string) =>
  described(
    z.string().check(z.regex(durationPattern, 'is no duration: write for example 60s, 1m30s or 500ms')),
    description,
  );

export const named = <Schema extends z.ZodMiniType>(schema: Schema, description: string) =>
  described(z.record(z.string(), schema), description);
